//! Lion.

use kamado_graph::update::{self, UpdateRule};
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, share};
use crate::error::NnError;

/// Lion, whose steps have the same size for every weight; formula at [`kamado_graph::update::Lion`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lion {
    /// The learning rate; 0.001 by default.
    pub learning_rate: LearningRate,
    /// The share of the gradient's mean in a step, in `[0, 1)`; 0.9 by default.
    pub beta_1: f64,
    /// The decay of the gradient's mean, in `[0, 1)`; 0.99 by default.
    pub beta_2: f64,
    /// The share of each weight, times the learning rate, that a step takes off; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Default for Lion {
    fn default() -> Self {
        Lion { learning_rate: 0.001.into(), beta_1: 0.9, beta_2: 0.99, weight_decay: None }
    }
}

impl Algorithm for Lion {
    const NAME: &'static str = "lion";

    fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(0.0)
    }

    fn update_rule(&self) -> Result<UpdateRule, NnError> {
        Ok(UpdateRule::Lion(update::Lion {
            beta_1: share(Self::NAME, "beta_1", self.beta_1)?,
            beta_2: share(Self::NAME, "beta_2", self.beta_2)?,
        }))
    }
}
