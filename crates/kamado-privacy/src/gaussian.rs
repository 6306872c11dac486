//! Where there is a formula: steps without sampling, and a single step.

use libm::erfc;

use crate::mechanism::{Direction, SampledGaussian};

/// The upper tail of the standard normal distribution.
pub(crate) fn upper_tail(z: f64) -> f64 {
    0.5 * erfc(z / std::f64::consts::SQRT_2)
}

/// The least `delta` for which the Gaussian mechanism with sensitivity `mu` times its standard deviation is
/// `(epsilon, delta)`-private: `Phi(mu/2 - epsilon/mu) - exp(epsilon) Phi(-mu/2 - epsilon/mu)`.
///
/// Source: B. Balle, Y.-X. Wang, "Improving the Gaussian mechanism for differential privacy", ICML 2018, theorem 8.
pub fn gaussian_delta(mu: f64, epsilon: f64) -> f64 {
    let (near, far) = (epsilon / mu - mu / 2.0, epsilon / mu + mu / 2.0);
    let other = match upper_tail(far) {
        0.0 => 0.0,
        tail => (epsilon + tail.ln()).exp(),
    };
    (upper_tail(near) - other).max(0.0)
}

/// The least `delta` for which one step is `(epsilon, delta)`-private on the data sets of this direction.
///
/// Exact: `P(x > t) - exp(epsilon) Q(x > t)`, where `t` is the place at which the privacy loss is `epsilon`.
pub fn one_step_delta(mechanism: &SampledGaussian, direction: Direction, epsilon: f64) -> f64 {
    let (q, sigma) = (mechanism.sampling_rate(), mechanism.noise_multiplier());
    let scale = epsilon.exp();
    let delta = match direction {
        Direction::Remove => {
            let t = mechanism.place_of_log_ratio(epsilon);
            let (with, without) = (upper_tail((t - 1.0) / sigma), upper_tail(t / sigma));
            q * with + (1.0 - q - scale) * without
        }
        Direction::Add => {
            let t = mechanism.place_of_log_ratio(-epsilon);
            let (with, without) = (upper_tail((1.0 - t) / sigma), upper_tail(-t / sigma));
            (1.0 - scale * (1.0 - q)) * without - scale * q * with
        }
    };
    if delta.is_finite() { delta.max(0.0) } else { 0.0 }
}

/// The least `epsilon` of at least 0 at which `delta_at`, which falls, is at most `delta`.
pub(crate) fn epsilon_for(delta: f64, delta_at: impl Fn(f64) -> f64) -> f64 {
    if delta_at(0.0) <= delta {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while delta_at(high) > delta && high < 1e6 {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if delta_at(middle) > delta { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_everything_is_the_gaussian_mechanism() {
        let mechanism = SampledGaussian::new(1.0, 1.7).unwrap();
        for epsilon in [0.0, 0.1, 1.0, 3.0] {
            let expected = gaussian_delta(1.0 / 1.7, epsilon);
            for direction in [Direction::Add, Direction::Remove] {
                let found = one_step_delta(&mechanism, direction, epsilon);
                assert!((found - expected).abs() < 1e-14, "{epsilon}: {found} is not {expected}");
            }
        }
        // 0.3829249225480263 is P(|z| <= 1/2).
        assert!((gaussian_delta(1.0, 0.0) - 0.382_924_922_548_026_3).abs() < 1e-15);
    }

    #[test]
    fn the_smallest_epsilon_is_found() {
        assert_eq!(epsilon_for(0.5, |epsilon| gaussian_delta(1.0, epsilon)), 0.0);
        let epsilon = epsilon_for(1e-5, |epsilon| gaussian_delta(1.0, epsilon));
        assert!((gaussian_delta(1.0, epsilon) - 1e-5).abs() < 1e-18);
    }
}
