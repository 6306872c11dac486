//! Adam and AdamW.
//!
//! In step `t` (from one), with learning rate `η` and weight decay `λ`: `w ← w - η·λ·w`,
//! `m ← m + (g - m)(1 - β₁)`, `v ← v + (g² - v)(1 - β₂)`, `w ← w - α·m / (√v + ε)`,
//! where `α = η·√(1 - β₂ᵗ) / (1 - β₁ᵗ)`. As in Keras, `ε` is added to the uncorrected root.
//!
//! Source: Kingma and Ba 2015, algorithm as at the end of section 2; Loshchilov and Hutter 2019 for `λ`; Keras `Adam`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// Adam, and AdamW if the weight decay is not zero.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Adam {
    /// `β₁`, the decay of the mean.
    pub beta_1: f64,
    /// `β₂`, the decay of the mean square.
    pub beta_2: f64,
    /// `ε`.
    pub epsilon: f64,
    /// `λ`, decoupled.
    pub weight_decay: f64,
}

impl Adam {
    /// `α`, the learning rate with the correction for moments that start at zero.
    pub fn alpha(&self, info: &StepInfo) -> f64 {
        let t = info.step as f64 + 1.0;
        info.learning_rate * (1.0 - self.beta_2.powf(t)).sqrt() / (1.0 - self.beta_1.powf(t))
    }

    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        slots[0] += (g - slots[0]) * (1.0 - self.beta_1);
        slots[1] += (g * g - slots[1]) * (1.0 - self.beta_2);
        let w = w - info.learning_rate * self.weight_decay * w;
        w - self.alpha(info) * slots[0] / (slots[1].sqrt() + self.epsilon)
    }
}
