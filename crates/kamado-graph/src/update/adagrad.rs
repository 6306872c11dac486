//! Adagrad.
//!
//! `a ← a + g²`, `w ← w - η·g / √(a + ε)`. As in Keras, `a` does not start at zero and `ε` is inside the root.
//!
//! Source: Duchi et al. 2011; Keras `Adagrad`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// Adagrad.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Adagrad {
    /// What `a` starts with.
    pub initial_accumulator_value: f64,
    /// `ε`.
    pub epsilon: f64,
}

impl Adagrad {
    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        slots[0] += g * g;
        w - info.learning_rate * g / (slots[0] + self.epsilon).sqrt()
    }
}
