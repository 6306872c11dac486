//! Adadelta.

use kamado_graph::update::{self, UpdateRule};
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, not_negative, share};
use crate::error::NnError;

/// Adadelta; formula at [`kamado_graph::update::Adadelta`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adadelta {
    /// The learning rate; 0.001 by default.
    pub learning_rate: LearningRate,
    /// The decay of the mean squares, in `[0, 1)`; 0.95 by default.
    pub rho: f64,
    /// Added to the mean squares; 1e-7 by default.
    pub epsilon: f64,
    /// The share of each weight, times the learning rate, that a step takes off; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Default for Adadelta {
    fn default() -> Self {
        Adadelta { learning_rate: 0.001.into(), rho: 0.95, epsilon: 1e-7, weight_decay: None }
    }
}

impl Algorithm for Adadelta {
    const NAME: &'static str = "adadelta";

    fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(0.0)
    }

    fn update_rule(&self) -> Result<UpdateRule, NnError> {
        Ok(UpdateRule::Adadelta(update::Adadelta {
            rho: share(Self::NAME, "rho", self.rho)?,
            epsilon: not_negative(Self::NAME, "epsilon", self.epsilon)?,
        }))
    }
}
