//! Stochastic gradient descent.
//!
//! With learning rate `η` and momentum `μ`:
//! - without momentum: `w ← w - η·g`;
//! - with momentum: `m ← μ·m - η·g`, `w ← w + m`;
//! - Nesterov: `m ← μ·m - η·g`, `w ← w + μ·m - η·g`.
//!
//! Source: Keras `SGD`; Sutskever et al., "On the importance of initialization and momentum", 2013.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// Gradient descent, with or without momentum.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sgd {
    /// `μ`.
    pub momentum: f64,
    /// Whether the gradient is applied at the point that momentum leads to.
    pub nesterov: bool,
}

impl Sgd {
    pub(super) fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }

    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        let lr = info.learning_rate;
        let [m] = slots else { return w - lr * g };
        *m = self.momentum * *m - lr * g;
        if self.nesterov { w + self.momentum * *m - lr * g } else { w + *m }
    }
}
