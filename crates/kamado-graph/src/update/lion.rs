//! Lion.
//!
//! `c = β₁·m + (1 - β₁)·g`, `w ← w - η·sign(c)`, `m ← β₂·m + (1 - β₂)·g`. A weight whose `c` is not finite becomes NaN,
//! so that a gradient that overflowed does not go unseen.
//!
//! Source: Chen et al. 2023; Keras `Lion`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// Lion.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lion {
    /// `β₁`, the share of the mean in the step.
    pub beta_1: f64,
    /// `β₂`, the decay of the mean.
    pub beta_2: f64,
}

impl Lion {
    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        let c = self.beta_1 * slots[0] + (1.0 - self.beta_1) * g;
        slots[0] = self.beta_2 * slots[0] + (1.0 - self.beta_2) * g;
        let sign = if c == 0.0 { 0.0 } else { c.signum() };
        w - info.learning_rate * (sign + 0.0 * c)
    }
}
