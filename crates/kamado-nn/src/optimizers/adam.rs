//! Adam.

use kamado_graph::update::{self, UpdateRule};
use serde::{Deserialize, Serialize};

use super::{LearningRate, not_negative, share};
use crate::error::NnError;

/// Adam; formula at [`kamado_graph::update::Adam`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// The learning rate; 0.001 by default.
    pub learning_rate: LearningRate,
    /// The decay of the gradient's mean, in `[0, 1)`; 0.9 by default.
    pub beta_1: f64,
    /// The decay of the gradient's mean square, in `[0, 1)`; 0.999 by default.
    pub beta_2: f64,
    /// Added to the root of the mean square; 1e-7 by default.
    pub epsilon: f64,
    /// The share of each weight, times the learning rate, that a step takes off; none by default.
    pub weight_decay: Option<f64>,
}

impl Default for Adam {
    fn default() -> Self {
        Adam { learning_rate: 0.001.into(), beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, weight_decay: None }
    }
}

impl Adam {
    pub(super) fn rule(&self) -> Result<UpdateRule, NnError> {
        adam("adam", self.beta_1, self.beta_2, self.epsilon, self.weight_decay.unwrap_or(0.0))
    }
}

pub(super) fn adam(
    name: &str,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    weight_decay: f64,
) -> Result<UpdateRule, NnError> {
    Ok(UpdateRule::Adam(update::Adam {
        beta_1: share(name, "beta_1", beta_1)?,
        beta_2: share(name, "beta_2", beta_2)?,
        epsilon: not_negative(name, "epsilon", epsilon)?,
        weight_decay: not_negative(name, "weight_decay", weight_decay)?,
    }))
}
