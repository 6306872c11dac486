//! Gaussian noise from ChaCha20, on a lattice.
//!
//! Sums are in f64, the noise is drawn in f64, and what is released is rounded to multiples of a power of two that is far
//! coarser than f64 and far finer than the noise: the low bits of a float would tell which sum it came from. The rounding
//! comes after the noise, so it cannot cost privacy.
//!
//! Sources: D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008; I. Mironov, "On significance of the least significant
//! bits for differential privacy", 2012.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::error::PrivacyError;
use crate::sampler::PoissonBatch;

/// Steps of the lattice in a standard deviation of the noise, at least.
const STEPS: f64 = (1u32 << 20) as f64;

/// Where randomness comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entropy {
    /// The operating system: what privacy needs.
    System,
    /// A number that anyone can know: nothing is private then. For tests.
    Seed(u64),
}

impl Entropy {
    /// A generator of its own for each purpose.
    pub(crate) fn generator(self, purpose: u64) -> Result<ChaCha20Rng, PrivacyError> {
        let mut key = [0; 32];
        match self {
            Entropy::System => getrandom::fill(&mut key).map_err(|error| {
                let problem = format!("the operating system gives no random numbers: {error}");
                PrivacyError::new(problem, "Private training needs them; run it where they can be had")
            })?,
            Entropy::Seed(seed) => key[..8].copy_from_slice(&seed.to_le_bytes()),
        }
        let mut rng = ChaCha20Rng::from_seed(key);
        rng.set_stream(purpose);
        Ok(rng)
    }
}

/// Turns the clipped sums of a batch into what may be released.
#[derive(Debug)]
pub struct Noise {
    deviation: f64,
    lattice: f64,
    divisor: f64,
    rng: ChaCha20Rng,
    spare: Option<f64>,
}

impl Noise {
    pub(crate) fn new(deviation: f64, divisor: f64, entropy: Entropy) -> Result<Self, PrivacyError> {
        let lattice = (deviation / STEPS).log2().floor().exp2();
        Ok(Noise { deviation, lattice, divisor, rng: entropy.generator(1)?, spare: None })
    }

    /// `(sum + noise) / divisor`, on the lattice, for every number of `sums`, which are those of `batch`: every batch gets
    /// its noise once.
    ///
    /// # Panics
    /// If the two slices differ in length.
    pub fn release(&mut self, _batch: &PoissonBatch, sums: &[f64], to: &mut [f32]) {
        assert_eq!(sums.len(), to.len(), "a number for each sum");
        for (to, sum) in to.iter_mut().zip(sums) {
            let noisy = sum + self.deviation * self.normal();
            *to = ((noisy / self.lattice).round() * self.lattice / self.divisor) as f32;
        }
    }

    /// A standard normal number, by the method of Box and Muller.
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // Above 0, so that the logarithm is finite.
        let uniform = |rng: &mut ChaCha20Rng| ((rng.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        let radius = (-2.0 * uniform(&mut self.rng).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * uniform(&mut self.rng)).sin_cos();
        self.spare = Some(radius * sine);
        radius * cosine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian::upper_tail;
    use crate::sampler::PoissonSampler;

    fn released(noise: &mut Noise, n: usize) -> Vec<f32> {
        let batch = PoissonSampler::new(0.5, 4, Entropy::Seed(1)).unwrap().draw();
        let mut to = vec![0.0; n];
        noise.release(&batch, &vec![0.0; n], &mut to);
        to
    }

    #[test]
    fn the_noise_is_normal() {
        let n = 200_000;
        let mut numbers = released(&mut Noise::new(1.5, 1.0, Entropy::Seed(3)).unwrap(), n);
        numbers.sort_by(f32::total_cmp);
        // The largest distance to the distribution function (Kolmogorov and Smirnov); 1.95 is exceeded once in a thousand.
        let distance = numbers.iter().enumerate().map(|(i, &x)| {
            let exact = 1.0 - upper_tail(f64::from(x) / 1.5);
            (exact - i as f64 / n as f64).abs().max((exact - (i + 1) as f64 / n as f64).abs())
        });
        let largest = distance.fold(0.0, f64::max) * (n as f64).sqrt();
        assert!(largest < 1.95, "{largest}");
    }

    #[test]
    fn everything_lies_on_the_lattice() {
        let mut noise = Noise::new(0.7, 1.0, Entropy::System).unwrap();
        assert_eq!(noise.lattice, 2f64.powi(-21));
        let numbers = released(&mut noise, 1000);
        assert!(numbers.iter().all(|&x| (f64::from(x) / noise.lattice).fract() == 0.0));
    }

    #[test]
    fn only_a_seed_repeats_itself() {
        let draw = |entropy| released(&mut Noise::new(1.0, 1.0, entropy).unwrap(), 8);
        assert_eq!(draw(Entropy::Seed(5)), draw(Entropy::Seed(5)));
        assert_ne!(draw(Entropy::Seed(5)), draw(Entropy::Seed(6)));
        assert_ne!(draw(Entropy::System), draw(Entropy::System));
    }
}
