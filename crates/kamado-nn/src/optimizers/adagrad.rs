//! Adagrad.

use kamado_graph::update::{self, UpdateRule};
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, not_negative};
use crate::error::NnError;

/// Adagrad; formula at [`kamado_graph::update::Adagrad`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adagrad {
    /// The learning rate; 0.001 by default.
    pub learning_rate: LearningRate,
    /// What the sum of squared gradients starts with; 0.1 by default.
    pub initial_accumulator_value: f64,
    /// Added to that sum; 1e-7 by default.
    pub epsilon: f64,
    /// The share of each weight, times the learning rate, that a step takes off; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Default for Adagrad {
    fn default() -> Self {
        Adagrad { learning_rate: 0.001.into(), initial_accumulator_value: 0.1, epsilon: 1e-7, weight_decay: None }
    }
}

impl Algorithm for Adagrad {
    const NAME: &'static str = "adagrad";

    fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(0.0)
    }

    fn update_rule(&self) -> Result<UpdateRule, NnError> {
        Ok(UpdateRule::Adagrad(update::Adagrad {
            initial_accumulator_value: not_negative(
                Self::NAME,
                "initial_accumulator_value",
                self.initial_accumulator_value,
            )?,
            epsilon: not_negative(Self::NAME, "epsilon", self.epsilon)?,
        }))
    }
}
