//! Mixup and cutmix: images and labels of a batch blended with their neighbours'.

use kamado_graph::rng::Rng;

use super::Augment;
use crate::error::{DataError, Result};

/// Blends each image of a batch, and its label, with the one before it (the first with the last).
///
/// Mixup: `x = share * x + (1 - share) * other`, with `share` from Beta(alpha, alpha). Cutmix: a rectangle with
/// `1 - share` of the area, its middle anywhere, comes from the other image. Labels are blended by the same share, in
/// cutmix by the area that is really inside. If both are wanted, each image draws which.
///
/// Sources: H. Zhang et al., "mixup: beyond empirical risk minimization", 2017; S. Yun et al., "CutMix: regularization
/// strategy to train strong classifiers with localizable features", 2019. Reference: `MixUp` and `CutMix` of Torchvision,
/// which draw once for a whole batch.
#[derive(Clone, Debug)]
pub struct Mix {
    mixup: f64,
    cutmix: f64,
    shape: [usize; 3],
    old: Vec<f32>,
    old_labels: Vec<f32>,
}

impl Mix {
    /// The blending of images of `shape`, None if the settings want none.
    ///
    /// # Errors
    /// If the settings are out of range or `shape` is not `[height, width, channels]`.
    pub fn new(settings: &Augment, shape: &[usize]) -> Result<Option<Self>> {
        settings.check()?;
        if settings.mixup == 0.0 && settings.cutmix == 0.0 {
            return Ok(None);
        }
        let &[height, width, channels] = shape else {
            let problem = format!("only images can be blended, not examples of shape {shape:?}");
            return Err(DataError::request(problem, "Leave out augment.mixup and augment.cutmix"));
        };
        let (mixup, cutmix) = (f64::from(settings.mixup), f64::from(settings.cutmix));
        let shape = [height, width, channels];
        Ok(Some(Mix { mixup, cutmix, shape, old: Vec::new(), old_labels: Vec::new() }))
    }

    /// Blends a batch: `x` holds whole images, `labels` as many rows of class shares (1 at the class, 0 elsewhere) or of
    /// other numbers. `rng` makes the generator of each example of the batch.
    ///
    /// # Errors
    /// If `x` is not whole images or there is not one row of labels for each.
    pub fn apply(&mut self, x: &mut [f32], labels: &mut [f32], mut rng: impl FnMut(usize) -> Rng) -> Result<()> {
        let len = self.shape.iter().product::<usize>();
        let count = x.len().checked_div(len).unwrap_or(0);
        let width = labels.len().checked_div(count).unwrap_or(0);
        if count * len != x.len() || count * width != labels.len() {
            let problem = format!("a batch of {} numbers and {} labels for images of {len}", x.len(), labels.len());
            return Err(DataError::request(problem, "Give whole images and one row of labels for each"));
        }
        let Mix { old, old_labels, .. } = self;
        old.clear();
        old.extend_from_slice(x);
        old_labels.clear();
        old_labels.extend_from_slice(labels);
        for i in 0..count {
            let (other, mut rng) = ((i + count - 1) % count, rng(i));
            let image = &mut x[i * len..(i + 1) * len];
            let share = self.blend(image, &self.old[other * len..(other + 1) * len], &mut rng);
            let other = &self.old_labels[other * width..(other + 1) * width];
            blend(&mut labels[i * width..(i + 1) * width], other, share);
        }
        Ok(())
    }

    /// Blends one image; answers the share of it that is left.
    fn blend(&self, image: &mut [f32], other: &[f32], rng: &mut Rng) -> f32 {
        let cut = self.mixup == 0.0 || (self.cutmix > 0.0 && rng.uniform() < 0.5);
        if !cut {
            let share = beta(self.mixup, rng) as f32;
            blend(image, other, share);
            return share;
        }
        let [height, width, channels] = self.shape;
        let side = (1.0 - beta(self.cutmix, rng)).sqrt();
        let span = |size: usize, rng: &mut Rng| {
            let (middle, half) = (rng.below(size as u64) as usize, (0.5 * side * size as f64) as usize);
            middle.saturating_sub(half)..(middle + half).min(size)
        };
        let (rows, columns) = (span(height, rng), span(width, rng));
        for y in rows.clone() {
            let range = (y * width + columns.start) * channels..(y * width + columns.end) * channels;
            image[range.clone()].copy_from_slice(&other[range]);
        }
        1.0 - (rows.len() * columns.len()) as f32 / (height * width) as f32
    }
}

fn blend(values: &mut [f32], other: &[f32], share: f32) {
    values.iter_mut().zip(other).for_each(|(x, other)| *x = share * *x + (1.0 - share) * other);
}

/// A number from Beta(alpha, alpha): `a / (a + b)` with a and b from Gamma(alpha).
fn beta(alpha: f64, rng: &mut Rng) -> f64 {
    let (a, b) = (log_gamma(alpha, rng), log_gamma(alpha, rng));
    1.0 / (1.0 + (b - a).exp())
}

/// The logarithm of a number from Gamma(alpha, 1); the number itself may be too small for a float if alpha is.
///
/// Source: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", 2000.
fn log_gamma(alpha: f64, rng: &mut Rng) -> f64 {
    if alpha < 1.0 {
        let boost = (1.0 - rng.uniform()).ln() / alpha;
        return log_gamma(alpha + 1.0, rng) + boost;
    }
    let d = alpha - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = rng.normal();
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - rng.uniform()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d.ln() + v.ln();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_the_moments_of_a_beta_distribution() {
        for alpha in [0.05, 0.2, 1.0, 4.0] {
            let (mut rng, n) = (Rng::new(1, 9), 100_000);
            let draws: Vec<f64> = (0..n).map(|_| beta(alpha, &mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / f64::from(n);
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!((mean - 0.5).abs() < 5.0 * (expected / f64::from(n)).sqrt(), "{alpha}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.02, "{alpha}: {variance} for {expected}");
        }
    }
}
