//! Adam.

use kamado_graph::update::{self, UpdateRule};
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, not_negative, share};
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
    /// Whether the largest mean square so far stands for the last one; false by default.
    pub amsgrad: bool,
    /// The share of each weight, times the learning rate, that a step takes off; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Default for Adam {
    fn default() -> Self {
        Adam {
            learning_rate: 0.001.into(),
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            amsgrad: false,
            weight_decay: None,
        }
    }
}

impl Algorithm for Adam {
    const NAME: &'static str = "adam";

    fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(0.0)
    }

    fn update_rule(&self) -> Result<UpdateRule, NnError> {
        Ok(UpdateRule::Adam(update::Adam {
            beta_1: share(Self::NAME, "beta_1", self.beta_1)?,
            beta_2: share(Self::NAME, "beta_2", self.beta_2)?,
            epsilon: not_negative(Self::NAME, "epsilon", self.epsilon)?,
            amsgrad: self.amsgrad,
        }))
    }
}
