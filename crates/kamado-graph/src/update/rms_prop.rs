//! RMSprop.
//!
//! With learning rate `η`: `v ← ρ·v + (1 - ρ)·g²`, `s = η·g / √(v + ε)`, then `w ← w - s`, or with momentum `μ`:
//! `m ← μ·m + s`, `w ← w - m`. As in Keras, `ε` is inside the root.
//!
//! Source: Tieleman and Hinton 2012; Keras `RMSprop`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// RMSprop.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct RmsProp {
    /// `ρ`, the decay of the mean square.
    pub rho: f64,
    /// `μ`.
    pub momentum: f64,
    /// `ε`.
    pub epsilon: f64,
}

impl RmsProp {
    pub(super) fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &["velocity"] } else { &["velocity", "momentum"] }
    }

    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        slots[0] = self.rho * slots[0] + (1.0 - self.rho) * g * g;
        let s = info.learning_rate * g / (slots[0] + self.epsilon).sqrt();
        let Some(m) = slots.get_mut(1) else { return w - s };
        *m = self.momentum * *m + s;
        w - *m
    }
}
