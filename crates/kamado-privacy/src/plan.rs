//! One plan of a private training run, from which sampler, noise and account come together.

use serde::{Deserialize, Serialize};

use crate::accountant::{Accountant, Bounds, calibrate};
use crate::error::PrivacyError;
use crate::mechanism::SampledGaussian;
use crate::noise::{Entropy, Noise};
use crate::sampler::{PoissonSampler, exact_rate};

/// Which data sets count as neighbours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjacency {
    /// One has an example in addition.
    #[default]
    AddOrRemoveOne,
}

/// What a private training run does, before it begins: nothing here is learnt from the data.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct PrivacyPlan {
    /// Which data sets count as neighbours.
    pub adjacency: Adjacency,
    /// What is added, removed and clipped: one example.
    pub unit: Unit,
    /// The probability of an example to be in a batch: a multiple of 2⁻⁶⁴, so that what is drawn is what is accounted for.
    pub sampling_rate: f64,
    /// The number of updates.
    pub steps: u64,
    /// The standard deviation of the noise, in units of `clip_norm`.
    pub noise_multiplier: f64,
    /// The greatest length of an example's gradient.
    pub clip_norm: f64,
    /// What sums of gradients are divided by: a public number, never the size of the batch that was drawn.
    pub divisor: f64,
    /// The probability with which the promise may fail.
    pub delta: f64,
}

/// What is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// One example.
    #[default]
    Example,
}

/// How much noise a plan takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Budget {
    /// As little as keeps `epsilon` at this after all steps.
    Epsilon(f64),
    /// This noise multiplier.
    NoiseMultiplier(f64),
}

impl PrivacyPlan {
    /// A plan for batches of `divisor` examples on average.
    ///
    /// # Errors
    /// If a number is out of range, or no noise keeps the budget.
    pub fn new(
        sampling_rate: f64,
        steps: u64,
        budget: Budget,
        delta: f64,
        clip_norm: f64,
        divisor: f64,
    ) -> Result<Self, PrivacyError> {
        let positive = |what: &str, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(PrivacyError::new(format!("a {what} of {value}"), "It must be above 0")),
        };
        positive("clip norm", clip_norm)?;
        positive("divisor", divisor)?;
        if delta > 0.01 {
            let remedy = "Choose less than one over the number of examples, such as 1e-5";
            return Err(PrivacyError::new(
                format!("a delta of {delta}, at which secrets may simply be published"),
                remedy,
            ));
        }
        if steps == 0 {
            return Err(PrivacyError::new("a run of 0 steps", "Take at least one"));
        }
        // Refuses what is no probability before it is rounded.
        SampledGaussian::new(sampling_rate, 1.0)?;
        let sampling_rate = exact_rate(sampling_rate);
        let noise_multiplier = match budget {
            Budget::NoiseMultiplier(noise) => noise,
            Budget::Epsilon(epsilon) => calibrate(epsilon, delta, sampling_rate, steps)?,
        };
        SampledGaussian::new(sampling_rate, noise_multiplier)?;
        let (adjacency, unit) = (Adjacency::default(), Unit::default());
        Ok(PrivacyPlan { adjacency, unit, sampling_rate, steps, noise_multiplier, clip_norm, divisor, delta })
    }

    /// What one step does.
    ///
    /// # Errors
    /// If the plan was read from a file that holds impossible numbers.
    pub fn mechanism(&self) -> Result<SampledGaussian, PrivacyError> {
        SampledGaussian::new(self.sampling_rate, self.noise_multiplier)
    }

    /// What the whole plan costs.
    ///
    /// # Errors
    /// As [`Accountant::epsilon`].
    pub fn cost(&self) -> Result<Bounds, PrivacyError> {
        let mut account = Accountant::new();
        account.charge(self.mechanism()?, self.steps);
        account.epsilon(self.delta)
    }

    /// Draws the batches of this plan from `examples` examples.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn sampler(&self, examples: usize, entropy: Entropy) -> Result<PoissonSampler, PrivacyError> {
        PoissonSampler::new(self.sampling_rate, examples, entropy)
    }

    /// The noise of this plan.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn noise(&self, entropy: Entropy) -> Result<Noise, PrivacyError> {
        Noise::new(self.noise_multiplier * self.clip_norm, self.divisor, entropy)
    }
}
