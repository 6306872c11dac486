//! Gaussian noise.

use kamado_graph::rng::Rng;

use super::colour::WHITE;

/// Adds to each number of an image (0 to 255) one from the normal distribution with this standard deviation; what would
/// be darker than black or lighter than white is black or white.
///
/// Two normal numbers come from two uniform ones (Box and Muller 1958).
pub(super) fn add(image: &mut [f32], std: f32, rng: &mut Rng) {
    for pair in image.chunks_mut(2) {
        // Above 0 and at most 1, so that the logarithm is finite.
        let first = (rng.next_u32() as f32 + 1.0) / (u32::MAX as f32 + 1.0);
        let turn = rng.next_u32() as f32 / u32::MAX as f32 * std::f32::consts::TAU;
        let radius = std * (-2.0 * first.ln()).sqrt();
        for (x, along) in pair.iter_mut().zip([turn.cos(), turn.sin()]) {
            *x = (*x + radius * along).clamp(0.0, WHITE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_normal() {
        let n = 200_000;
        let mut image = vec![127.5; n];
        add(&mut image, 10.0, &mut Rng::new(2, 5));
        let moment =
            |power: i32| image.iter().map(|&x| ((f64::from(x) - 127.5) / 10.0).powi(power)).sum::<f64>() / n as f64;
        // Five standard errors of each moment of a standard normal: sqrt(1, 2, 15, 96) / sqrt(n).
        for (power, expected, error) in [(1, 0.0, 1.0f64), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let allowed = 5.0 * (error / n as f64).sqrt();
            assert!((moment(power) - expected).abs() < allowed, "moment {power}: {}", moment(power));
        }
    }
}
