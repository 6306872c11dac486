//! Adam and AdamW.
//!
//! In step `t` (from one), with learning rate `η`: `m ← m + (g - m)(1 - β₁)`, `v ← v + (g² - v)(1 - β₂)`,
//! `w ← w - α·m / (√v + ε)`, where `α = η·√(1 - β₂ᵗ) / (1 - β₁ᵗ)`. As in Keras, `ε` is added to the uncorrected root.
//! With AMSGrad, `h ← max(h, v)` stands for `v` in the root.
//!
//! Source: Kingma and Ba 2015, algorithm as at the end of section 2; Reddi et al. 2018 for AMSGrad; Keras `Adam`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// Adam; AdamW with weight decay.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Adam {
    /// `β₁`, the decay of the mean.
    pub beta_1: f64,
    /// `β₂`, the decay of the mean square.
    pub beta_2: f64,
    /// `ε`.
    pub epsilon: f64,
    /// Whether the largest mean square so far stands for the last one.
    #[serde(default)]
    pub amsgrad: bool,
}

impl Adam {
    /// `α`, the learning rate with the correction for moments that start at zero.
    pub fn alpha(&self, info: &StepInfo) -> f64 {
        let t = info.step as f64 + 1.0;
        info.learning_rate * (1.0 - self.beta_2.powf(t)).sqrt() / (1.0 - self.beta_1.powf(t))
    }

    pub(super) fn slots(&self) -> &'static [&'static str] {
        if self.amsgrad { &["m", "v", "v_hat"] } else { &["m", "v"] }
    }

    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        slots[0] += (g - slots[0]) * (1.0 - self.beta_1);
        slots[1] += (g * g - slots[1]) * (1.0 - self.beta_2);
        let mut square = slots[1];
        if let Some(largest) = slots.get_mut(2) {
            *largest = if *largest > square { *largest } else { square };
            square = *largest;
        }
        w - self.alpha(info) * slots[0] / (square.sqrt() + self.epsilon)
    }
}
