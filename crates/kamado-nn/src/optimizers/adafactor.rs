//! Adafactor.

use kamado_graph::update::{self, UpdateRule};
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, not_negative, not_positive, positive};
use crate::error::NnError;

/// Adafactor, which keeps a row and a column of a matrix instead of its mean squares; formula at [`kamado_graph::update::Adafactor`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adafactor {
    /// The learning rate; 0.001 by default.
    pub learning_rate: LearningRate,
    /// The power of the step by which the mean squares forget, at most 0; -0.8 by default.
    pub beta_2_decay: f64,
    /// Added to the squared gradient; 1e-30 by default.
    pub epsilon_1: f64,
    /// The least size that a weight counts with; 1e-3 by default.
    pub epsilon_2: f64,
    /// The largest root mean square of a step before the learning rate; 1 by default.
    pub clip_threshold: f64,
    /// The share of each weight, times the learning rate, that a step takes off; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Default for Adafactor {
    fn default() -> Self {
        Adafactor {
            learning_rate: 0.001.into(),
            beta_2_decay: -0.8,
            epsilon_1: 1e-30,
            epsilon_2: 1e-3,
            clip_threshold: 1.0,
            weight_decay: None,
        }
    }
}

impl Algorithm for Adafactor {
    const NAME: &'static str = "adafactor";

    fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(0.0)
    }

    fn update_rule(&self) -> Result<UpdateRule, NnError> {
        Ok(UpdateRule::Adafactor(update::Adafactor {
            beta_2_decay: not_positive(Self::NAME, "beta_2_decay", self.beta_2_decay)?,
            epsilon_1: not_negative(Self::NAME, "epsilon_1", self.epsilon_1)?,
            epsilon_2: not_negative(Self::NAME, "epsilon_2", self.epsilon_2)?,
            clip_threshold: positive(Self::NAME, "clip_threshold", self.clip_threshold)?,
        }))
    }
}
