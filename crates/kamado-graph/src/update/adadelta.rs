//! Adadelta.
//!
//! `a ← ρ·a + (1 - ρ)·g²`, `s = g·√(d + ε) / √(a + ε)`, `d ← ρ·d + (1 - ρ)·s²`, `w ← w - η·s`.
//!
//! Source: Zeiler 2012; Keras `Adadelta`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// Adadelta.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Adadelta {
    /// `ρ`, the decay of both mean squares.
    pub rho: f64,
    /// `ε`.
    pub epsilon: f64,
}

impl Adadelta {
    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        let mean = |old: f64, x: f64| self.rho * old + (1.0 - self.rho) * x * x;
        slots[0] = mean(slots[0], g);
        let s = g * (slots[1] + self.epsilon).sqrt() / (slots[0] + self.epsilon).sqrt();
        slots[1] = mean(slots[1], s);
        w - info.learning_rate * s
    }
}
