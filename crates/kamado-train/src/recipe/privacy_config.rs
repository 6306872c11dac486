//! `[privacy]`: private training.

use kamado_graph::per_example::Clipping;
use kamado_privacy::{Budget, Entropy};
use serde::{Deserialize, Serialize};

use super::config::{DataConfig, TrainConfig};
use super::schema::{Field, Kind, field, required};
use super::tables::{COUNT, POSITIVE};
use crate::error::TrainError;
use crate::fit::Fit;
use crate::private::{PrivateFit, refuse_sampling};

/// `[privacy]`: the promise, and how it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyConfig {
    /// What the run may cost; the noise follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// The noise instead, in units of the clip norm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_multiplier: Option<f64>,
    /// The probability with which the promise may fail: less than one over the number of examples.
    pub delta: f64,
    /// The greatest length of an example's gradient; 1 unless said otherwise.
    #[serde(default = "one")]
    pub clip_norm: f64,
    /// How gradients are made short; `flat` unless said otherwise.
    #[serde(default)]
    pub clipping: Clipping,
    /// The examples that are computed at a time: a matter of speed and memory alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_batch: Option<usize>,
    /// The probability of an example to be in a batch; `batch_size` over the number of training examples, which counts as
    /// public then, unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling_rate: Option<f64>,
    /// How batches are drawn: only `poisson` is accounted for.
    #[serde(default)]
    pub sampling: Sampling,
    /// For tests: draws batches and noise from this number. Nothing is private then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_seed: Option<u64>,
}

/// How batches are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Every example with the same probability, independently of all others.
    #[default]
    Poisson,
    /// In the order of a shuffled epoch: refused.
    Shuffle,
    /// Some examples more often than others: refused.
    Weighted,
}

fn one() -> f64 {
    1.0
}

pub(super) const PRIVACY: &[Field] = &[
    field("epsilon", Kind::Number(1e-3, 1e3)),
    field("noise_multiplier", Kind::Number(0.05, 1e6)),
    required("delta", Kind::Number(1e-15, 0.01)),
    field("clip_norm", POSITIVE),
    field("clipping", Kind::Word(&["flat", "per_layer", "automatic"])),
    field("physical_batch", COUNT),
    field("sampling_rate", Kind::Number(1e-9, 1.0)),
    field("sampling", Kind::Word(&["poisson", "shuffle", "weighted"])),
    field("noise_seed", Kind::Integer(0, i64::MAX)),
];

impl PrivacyConfig {
    /// What is wrong with the keys of the recipe together, if anything.
    pub(super) fn problem(&self, data: &DataConfig, train: &TrainConfig) -> Option<(&'static str, &'static str)> {
        if data.raw.table.smote.is_some() {
            return Some((
                "and SMOTE exclude each other: a made row tells of several others",
                "leave out data.table.smote",
            ));
        }
        let watches = train.early_stopping.is_some() || train.reduce_on_plateau.is_some() || train.stop_when.is_some();
        if watches || train.checkpoint.keep_best.is_some() {
            let problem = "plans every step beforehand: to stop, slow down or choose the best by what the data say would tell of them";
            return Some((problem, "leave out early_stopping, reduce_on_plateau, stop_when and checkpoint.keep_best"));
        }
        match (self.epsilon, self.noise_multiplier) {
            (None, None) => Some(("says neither what the run may cost nor how much noise it takes", "set epsilon")),
            (Some(_), Some(_)) => Some(("epsilon and noise_multiplier contradict each other", "leave one of them out")),
            _ => None,
        }
    }

    /// The plan for `fit` on `examples` training examples, whose epochs and batch size it takes.
    ///
    /// # Errors
    /// If batches are not to be Poisson samples, or no noise keeps the budget.
    pub fn fit(&self, fit: &Fit<'_>, examples: usize) -> Result<PrivateFit, TrainError> {
        let budget = match (self.epsilon, self.noise_multiplier) {
            (_, Some(noise)) => Budget::NoiseMultiplier(noise),
            (epsilon, None) => Budget::Epsilon(epsilon.unwrap_or(1.0)),
        };
        let private = match self.sampling_rate {
            Some(rate) => PrivateFit::with_rate(fit, rate, budget, self.delta, self.clip_norm),
            None => PrivateFit::new(fit, examples, budget, self.delta, self.clip_norm),
        }?;
        match self.sampling {
            Sampling::Poisson => {}
            Sampling::Shuffle => refuse_sampling("shuffle", &private.plan, fit.epochs)?,
            Sampling::Weighted => refuse_sampling("weighted", &private.plan, fit.epochs)?,
        }
        let entropy = self.noise_seed.map_or(Entropy::System, Entropy::Seed);
        Ok(PrivateFit { clipping: self.clipping, physical_batch: self.physical_batch, entropy, ..private })
    }
}
