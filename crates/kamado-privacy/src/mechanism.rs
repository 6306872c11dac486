//! One step of private training, as privacy sees it.

use serde::{Deserialize, Serialize};

use crate::error::PrivacyError;

/// A step of DP-SGD: every example is in the batch with probability `sampling_rate`, independently of all others; the sum of
/// the batch's vectors, none longer than 1, is released with Gaussian noise of standard deviation `noise_multiplier`.
///
/// Source: M. Abadi et al., "Deep learning with differential privacy", CCS 2016.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampledGaussian {
    /// The probability of an example to be in a batch, above 0 and at most 1.
    sampling_rate: f64,
    /// The standard deviation of the noise in units of the greatest norm of an example, above 0.
    noise_multiplier: f64,
}

/// Equal steps, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What each step does.
    pub mechanism: SampledGaussian,
    /// How many there are.
    pub steps: u64,
}

/// Which of two neighbouring data sets the mechanism ran on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The one with the example; the other lacks it.
    Remove,
    /// The one without the example; the other has it in addition.
    Add,
}

impl SampledGaussian {
    /// # Errors
    /// If the rate is not above 0 and at most 1, or the noise not between 0.05 and 1e6: with less noise there is no privacy
    /// worth a number.
    pub fn new(sampling_rate: f64, noise_multiplier: f64) -> Result<Self, PrivacyError> {
        if !(sampling_rate > 0.0 && sampling_rate <= 1.0) {
            let problem = format!("a sampling rate of {sampling_rate}");
            return Err(PrivacyError::new(problem, "It is a probability: above 0 and at most 1"));
        }
        if !(0.05..=1e6).contains(&noise_multiplier) {
            let problem = format!("a noise multiplier of {noise_multiplier}");
            return Err(PrivacyError::new(problem, "Choose 0.05 to 1000000; below 1 the privacy is weak"));
        }
        Ok(SampledGaussian { sampling_rate, noise_multiplier })
    }

    /// The probability of an example to be in a batch.
    pub fn sampling_rate(&self) -> f64 {
        self.sampling_rate
    }

    /// The standard deviation of the noise in units of the greatest norm of an example.
    pub fn noise_multiplier(&self) -> f64 {
        self.noise_multiplier
    }

    /// `ln` of the density at `x` with the example over that without it: `ln(1 - q + q exp((2x - 1) / (2 sigma^2)))`.
    pub(crate) fn log_ratio(&self, x: f64) -> f64 {
        let (q, u) = (self.sampling_rate, (2.0 * x - 1.0) / (2.0 * self.noise_multiplier.powi(2)));
        if u > 1.0 { u + (q + (1.0 - q) * (-u).exp()).ln() } else { (q * u.exp_m1()).ln_1p() }
    }

    /// Where [`log_ratio`](Self::log_ratio) is `value`; infinite if it never is.
    pub(crate) fn place_of_log_ratio(&self, value: f64) -> f64 {
        let (q, variance) = (self.sampling_rate, self.noise_multiplier.powi(2));
        let u = if value > 1.0 {
            value + (((q - 1.0) * (-value).exp() + 1.0) / q).ln()
        } else {
            let scaled = (value.exp_m1() + q) / q;
            if scaled <= 0.0 { return f64::NEG_INFINITY } else { scaled.ln() }
        };
        variance * u + 0.5
    }
}

/// The two distributions that one step gives on neighbouring data, over a place `x` at which the privacy loss grows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) mechanism: SampledGaussian,
    pub(crate) direction: Direction,
}

impl Pair {
    /// The privacy loss at `x`: `ln(p(x) / other(x))`, growing.
    pub(crate) fn loss(&self, x: f64) -> f64 {
        match self.direction {
            Direction::Remove => self.mechanism.log_ratio(x),
            Direction::Add => -self.mechanism.log_ratio(-x),
        }
    }

    /// Where the loss is `value`, infinite if it never is.
    pub(crate) fn place(&self, value: f64) -> f64 {
        match self.direction {
            Direction::Remove => self.mechanism.place_of_log_ratio(value),
            Direction::Add => -self.mechanism.place_of_log_ratio(-value),
        }
    }

    /// `ln` of the density that the mechanism has, given the loss at `x`.
    pub(crate) fn log_density(&self, x: f64, loss: f64) -> f64 {
        let sigma = self.mechanism.noise_multiplier;
        let normal = -0.5 * (x / sigma).powi(2) - sigma.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln();
        match self.direction {
            Direction::Remove => normal + loss,
            Direction::Add => normal,
        }
    }

    /// Places outside which the density has at most the mass of a normal variable beyond `z` standard deviations, on
    /// either side.
    pub(crate) fn support(&self, z: f64) -> (f64, f64) {
        let sigma = self.mechanism.noise_multiplier;
        match self.direction {
            Direction::Remove => (-z * sigma, 1.0 + z * sigma),
            Direction::Add => (-z * sigma, z * sigma),
        }
    }

    /// Within this length neither density bends much.
    pub(crate) fn smooth_length(&self) -> f64 {
        let sigma = self.mechanism.noise_multiplier;
        sigma.min(sigma * sigma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_loss_is_where_it_is() {
        for (q, sigma) in [(0.01, 1.0), (0.5, 0.4), (1e-4, 0.5), (1.0, 3.0)] {
            for direction in [Direction::Add, Direction::Remove] {
                let pair = Pair { mechanism: SampledGaussian::new(q, sigma).unwrap(), direction };
                for x in [-3.0, -0.5, 0.2, 0.5, 2.0, 7.0] {
                    let x = x * sigma;
                    let found = pair.loss(pair.place(pair.loss(x)));
                    assert!((found - pair.loss(x)).abs() < 1e-12 * (1.0 + found.abs()), "{q} {sigma} {x}: {found}");
                }
            }
        }
    }
}
