//! Poisson sampling: every example is in a batch with the same probability, independently of all others.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::RngCore;

use crate::error::PrivacyError;
use crate::noise::Entropy;

/// 2⁶⁴
const RANGE: f64 = 18_446_744_073_709_551_616.0;

/// The probability that a sampler with this rate really draws with: a multiple of 2⁻⁶⁴.
pub fn exact_rate(rate: f64) -> f64 {
    match threshold(rate) {
        Some(threshold) => threshold as f64 / RANGE,
        None => 1.0,
    }
}

/// The number below which a random number of 64 bits puts an example into the batch; `None` if all are.
fn threshold(rate: f64) -> Option<u64> {
    (rate < 1.0).then_some((rate * RANGE) as u64)
}

/// Draws the batches of a plan.
#[derive(Debug)]
pub struct PoissonSampler {
    threshold: Option<u64>,
    examples: usize,
    rng: ChaCha20Rng,
    drawn: u64,
}

/// A batch that a [`PoissonSampler`] has drawn: any number of examples, perhaps none. Only such a batch can get its noise.
#[derive(PartialEq, Eq, Debug)]
pub struct PoissonBatch {
    examples: Vec<usize>,
    step: u64,
}

impl PoissonBatch {
    /// The examples, ascending.
    pub fn examples(&self) -> &[usize] {
        &self.examples
    }

    /// The number of the step, from zero.
    pub fn step(&self) -> u64 {
        self.step
    }
}

impl PoissonSampler {
    pub(crate) fn new(rate: f64, examples: usize, entropy: Entropy) -> Result<Self, PrivacyError> {
        Ok(PoissonSampler { threshold: threshold(rate), examples, rng: entropy.generator(0)?, drawn: 0 })
    }

    /// The next batch.
    pub fn draw(&mut self) -> PoissonBatch {
        let (threshold, rng) = (self.threshold, &mut self.rng);
        let taken = |_: &usize| threshold.is_none_or(|threshold| rng.next_u64() < threshold);
        let examples = (0..self.examples).filter(taken).collect();
        self.drawn += 1;
        PoissonBatch { examples, step: self.drawn - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_members_are_as_binomial_as_they_should_be() {
        let (n, rate, steps) = (2_000, 0.03, 400);
        let mut sampler = PoissonSampler::new(rate, n, Entropy::Seed(7)).unwrap();
        let batches: Vec<_> = (0..steps).map(|_| sampler.draw()).collect();
        let sizes: Vec<f64> = batches.iter().map(|b| b.examples().len() as f64).collect();
        let mean = sizes.iter().sum::<f64>() / f64::from(steps);
        let variance = sizes.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / f64::from(steps);
        let expected = n as f64 * rate;
        assert!((mean - expected).abs() < 4.0 * (expected / f64::from(steps)).sqrt(), "{mean}");
        assert!((variance / (expected * (1.0 - rate)) - 1.0).abs() < 0.3, "{variance}");
        // No example is drawn far more often than another.
        let count = |e: usize| batches.iter().filter(|b| b.examples().contains(&e)).count();
        assert!((0..n).map(count).max() < Some(35));
        assert_eq!(batches[5].step(), 5);
    }

    #[test]
    fn rates_at_the_ends() {
        assert_eq!(PoissonSampler::new(1.0, 3, Entropy::Seed(1)).unwrap().draw().examples(), [0, 1, 2]);
        assert!(PoissonSampler::new(1e-18, 100, Entropy::Seed(1)).unwrap().draw().examples().is_empty());
        assert_eq!(exact_rate(1.0), 1.0);
        assert!((exact_rate(0.01) - 0.01).abs() < 1e-18);
    }

    #[test]
    fn the_system_gives_other_batches_every_time() {
        let draw = || PoissonSampler::new(0.5, 200, Entropy::System).unwrap().draw();
        assert_ne!(draw(), draw());
    }
}
