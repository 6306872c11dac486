//! Gaussian blur.

/// Memory that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    weights: Vec<f32>,
    line: Vec<f32>,
    across: Vec<f32>,
}

/// Blurs an image `[height, width, channels]` in place: each pixel becomes a mean of those around it with weights
/// `exp(-d^2 / (2 sigma^2))` along each axis up to `ceil(3 sigma)` pixels away, mirrored about the outermost pixels.
///
/// Reference: `gaussian_blur` of Torchvision and `GaussianBlur` of OpenCV with that kernel size.
pub(crate) fn gaussian(image: &mut [f32], shape: [usize; 3], sigma: f32, scratch: &mut Scratch) {
    let [height, width, channels] = shape;
    let Scratch { weights, line, across } = scratch;
    let reach = (3.0 * sigma).ceil() as usize;
    weights.clear();
    weights.extend((0..=2 * reach).map(|i| (-0.5 * ((i as f32 - reach as f32) / sigma).powi(2)).exp()));
    let sum: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    let stride = width * channels;
    across.resize(image.len(), 0.0);
    for (source, out) in image.chunks_exact(stride).zip(across.chunks_exact_mut(stride)) {
        line.clear();
        for x in 0..width + 2 * reach {
            let x = mirrored(x, reach, width);
            line.extend_from_slice(&source[x * channels..(x + 1) * channels]);
        }
        sum_of(weights, |k| &line[k * channels..k * channels + stride], out);
    }
    for (y, out) in image.chunks_exact_mut(stride).enumerate() {
        let row = |k: usize| &across[mirrored(y + k, reach, height) * stride..][..stride];
        sum_of(weights, row, out);
    }
}

fn sum_of<'a>(weights: &[f32], source: impl Fn(usize) -> &'a [f32], out: &mut [f32]) {
    out.fill(0.0);
    for (k, weight) in weights.iter().enumerate() {
        out.iter_mut().zip(source(k)).for_each(|(out, x)| *out += weight * x);
    }
}

/// The pixel that stands at `at - reach` of a row of `size` pixels that is mirrored again and again.
fn mirrored(at: usize, reach: usize, size: usize) -> usize {
    let period = 2 * (size - 1);
    if period == 0 {
        return 0;
    }
    let at = (at + period * reach.div_ceil(period) - reach) % period;
    at.min(period - at)
}
