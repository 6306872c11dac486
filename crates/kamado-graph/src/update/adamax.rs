//! Adamax.
//!
//! In step `t` (from one): `m ← m + (g - m)(1 - β₁)`, `u ← max(β₂·u, |g|)`, `w ← w - α·m / (u + ε)`, where
//! `α = η / (1 - β₁ᵗ)`.
//!
//! Source: Kingma and Ba 2015, section 7.1; Keras `Adamax`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// Adamax.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Adamax {
    /// `β₁`, the decay of the mean.
    pub beta_1: f64,
    /// `β₂`, the decay of the largest size.
    pub beta_2: f64,
    /// `ε`.
    pub epsilon: f64,
}

impl Adamax {
    /// `α`, the learning rate with the correction for a mean that starts at zero.
    pub fn alpha(&self, info: &StepInfo) -> f64 {
        info.learning_rate / (1.0 - self.beta_1.powf(info.step as f64 + 1.0))
    }

    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        slots[0] += (g - slots[0]) * (1.0 - self.beta_1);
        let decayed = self.beta_2 * slots[1];
        slots[1] = if decayed > g.abs() { decayed } else { g.abs() };
        w - self.alpha(info) * slots[0] / (slots[1] + self.epsilon)
    }
}
