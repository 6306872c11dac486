//! The sum of the gradients of several steps.
//!
//! `a ← a + g`, and `a ← 0` in every step whose number, from one, is a multiple of `steps`: that step's update takes
//! `(a + g) / steps`.
//!
//! Source: Keras `gradient_accumulation_steps`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// The sum of the gradients of several steps.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Accumulate {
    /// The gradients that one update takes.
    pub steps: u64,
}

impl Accumulate {
    /// Whether the sum is taken in this step, and starts anew.
    pub fn ends(&self, info: &StepInfo) -> bool {
        info.step % self.steps.max(1) == self.steps.max(1) - 1
    }

    pub(super) fn scalar(&self, a: f64, g: f64, info: &StepInfo) -> f64 {
        if self.ends(info) { 0.0 } else { a + g }
    }
}
