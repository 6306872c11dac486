//! RMSprop.

use kamado_graph::update::{self, UpdateRule};
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, not_negative, share};
use crate::error::NnError;

/// RMSprop; formula at [`kamado_graph::update::RmsProp`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RmsProp {
    /// The learning rate; 0.001 by default.
    pub learning_rate: LearningRate,
    /// The decay of the gradient's mean square, in `[0, 1)`; 0.9 by default.
    pub rho: f64,
    /// The share of the last step that is kept, in `[0, 1)`; 0 by default.
    pub momentum: f64,
    /// Added to the mean square; 1e-7 by default.
    pub epsilon: f64,
    /// The share of each weight, times the learning rate, that a step takes off; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Default for RmsProp {
    fn default() -> Self {
        RmsProp { learning_rate: 0.001.into(), rho: 0.9, momentum: 0.0, epsilon: 1e-7, weight_decay: None }
    }
}

impl Algorithm for RmsProp {
    const NAME: &'static str = "rmsprop";

    fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(0.0)
    }

    fn update_rule(&self) -> Result<UpdateRule, NnError> {
        Ok(UpdateRule::RmsProp(update::RmsProp {
            rho: share(Self::NAME, "rho", self.rho)?,
            momentum: share(Self::NAME, "momentum", self.momentum)?,
            epsilon: not_negative(Self::NAME, "epsilon", self.epsilon)?,
        }))
    }
}
