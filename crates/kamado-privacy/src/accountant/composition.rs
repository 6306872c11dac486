//! Many steps' losses together, by FFT, and what they mean.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex64;

use super::losses::Losses;
use crate::rdp::log_sum_exp;

/// What rounding, and probabilities outside the points that are kept, may add or take, relative to the whole: `exp(-18)` on
/// either side.
const DOUBT: f64 = 4e-8;

/// The losses of one phase and how often they are drawn.
pub(super) struct Part {
    pub(super) losses: Losses,
    pub(super) steps: u64,
}

/// The sum of the losses of all steps, tilted by `exp(theta loss)` so that those near the sought `epsilon` are likely and
/// come out with all their digits.
pub(super) struct Composition {
    /// Losses are counted from here.
    reference: f64,
    interval: f64,
    /// `ln` of what tilted probabilities times `exp(-theta (loss - reference))` are multiplied with.
    log_scale: f64,
    /// For each point `i` of the grid, from `reference - points / 2 * interval` on: the sums over all later ones of
    /// `p exp(-theta l)` and of `p exp(-(theta + 1) l)`, `l` being the loss less the reference.
    sums: Vec<[f64; 2]>,
    /// What is added to every `delta`: the probability of an infinite loss.
    infinite: f64,
}

impl Composition {
    /// `points` of the grid are kept; the tilted sum has `mean`.
    pub(super) fn new(parts: &[Part], interval: f64, theta: f64, mean: f64, points: usize) -> Self {
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(points), planner.plan_fft_inverse(points));
        let mut product = vec![Complex64::new(1.0, 0.0); points];
        let (mut log_mass, mut offset, mut shift, mut infinite) = (0.0, 0.0, 0, 0.0);
        for Part { losses, steps } in parts {
            let exponent = |(i, p): (usize, &f64)| p.ln() + theta * (losses.offset + i as f64 * interval);
            let exponents: Vec<f64> = losses.probabilities.iter().enumerate().map(exponent).collect();
            let log_total = log_sum_exp(&exponents);
            let tilted: Vec<f64> = exponents.iter().map(|exponent| (exponent - log_total).exp()).collect();
            let centre = tilted.iter().enumerate().map(|(i, p)| i as f64 * p).sum::<f64>().round() as usize;
            // Around its mean, so that powers turn by small angles only and lose no digits.
            let mut spectrum = vec![Complex64::new(0.0, 0.0); points];
            for (i, p) in tilted.iter().enumerate() {
                spectrum[(i + points * (1 + centre / points) - centre) % points].re += p;
            }
            forward.process(&mut spectrum);
            product[..=points / 2].iter_mut().zip(&spectrum).for_each(|(product, z)| *product *= power(*z, *steps));
            log_mass += *steps as f64 * log_total;
            offset += *steps as f64 * losses.offset;
            shift += *steps as i64 * centre as i64;
            infinite += *steps as f64 * losses.beyond;
        }
        // The sum is real.
        (1..points / 2).for_each(|i| product[points - i] = product[i].conj());
        inverse.process(&mut product);
        let middle = ((mean - offset) / interval).round() as i64;
        let reference = offset + middle as f64 * interval;
        let mut sums = vec![[0.0; 2]; points + 1];
        for i in (0..points).rev() {
            let from_middle = i as i64 - points as i64 / 2;
            let place = (middle + from_middle - shift).rem_euclid(points as i64) as usize;
            let (p, loss) = (product[place].re.max(0.0) / points as f64, from_middle as f64 * interval);
            let [first, second] = sums[i + 1];
            sums[i] = [first + p * (-theta * loss).exp(), second + p * (-(theta + 1.0) * loss).exp()];
        }
        Composition { reference, interval, log_scale: log_mass - theta * reference, sums, infinite }
    }

    /// The least `epsilon` of at least 0 for which `delta` is enough; `worse` says to which side doubts go. None if it is
    /// not within the points that were kept.
    pub(super) fn epsilon(&self, delta: f64, worse: bool) -> Option<f64> {
        let scale = self.log_scale.exp();
        let doubt = DOUBT * scale;
        let target = if worse { delta - self.infinite - doubt } else { delta + doubt };
        let at = |i: usize| {
            let epsilon = (i as f64 - (self.sums.len() / 2) as f64) * self.interval;
            scale * (self.sums[i][0] - epsilon.exp() * self.sums[i][1])
        };
        let last = self.sums.len() - 1;
        if target <= 0.0 || at(0) < target || at(last) > target {
            return (at(0) < target && self.loss(0) <= 0.0).then_some(0.0);
        }
        let (mut low, mut high) = (0, last);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if at(middle) > target { low = middle } else { high = middle }
        }
        // Between two points delta is a chord of sums over the later ones.
        let [first, second] = self.sums[high];
        let epsilon = self.reference + ((first - target / scale) / second).ln();
        Some(epsilon.clamp(self.loss(low), self.loss(high)).max(0.0))
    }

    fn loss(&self, i: usize) -> f64 {
        self.reference + (i as f64 - (self.sums.len() / 2) as f64) * self.interval
    }
}

fn power(z: Complex64, n: u64) -> Complex64 {
    let size = z.norm();
    if size == 0.0 {
        return if n == 0 { Complex64::new(1.0, 0.0) } else { z };
    }
    Complex64::from_polar((n as f64 * size.ln()).exp(), n as f64 * z.arg())
}
