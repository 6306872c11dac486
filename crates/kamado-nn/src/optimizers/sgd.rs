//! Gradient descent.

use kamado_graph::update::{self, UpdateRule};
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, share};
use crate::error::NnError;

/// Gradient descent, with or without momentum; formula at [`kamado_graph::update::Sgd`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sgd {
    /// The learning rate; 0.01 by default.
    pub learning_rate: LearningRate,
    /// The share of the last step that is kept, in `[0, 1)`; 0 by default.
    pub momentum: f64,
    /// Nesterov's momentum; false by default.
    pub nesterov: bool,
    /// The share of each weight, times the learning rate, that a step takes off; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Default for Sgd {
    fn default() -> Self {
        Sgd { learning_rate: 0.01.into(), momentum: 0.0, nesterov: false, weight_decay: None }
    }
}

impl Algorithm for Sgd {
    const NAME: &'static str = "sgd";

    fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(0.0)
    }

    fn update_rule(&self) -> Result<UpdateRule, NnError> {
        let momentum = share(Self::NAME, "momentum", self.momentum)?;
        if self.nesterov && momentum == 0.0 {
            let problem = "needs a momentum greater than 0; set momentum, such as 0.9, or leave nesterov out".into();
            return Err(NnError::Optimizer { place: "sgd.nesterov".into(), problem });
        }
        Ok(UpdateRule::Sgd(update::Sgd { momentum, nesterov: self.nesterov }))
    }
}
