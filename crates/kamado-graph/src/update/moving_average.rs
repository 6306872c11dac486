//! Exponential moving average.
//!
//! `w ← μ·w + (1 - μ)·value`. Used for the statistics of batch normalisation and for averaged weights; the learning
//! rate plays no part.

use serde::{Deserialize, Serialize};

/// An exponential moving average.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct MovingAverage {
    /// `μ`, the share that is kept.
    pub momentum: f64,
}

impl MovingAverage {
    pub(super) fn scalar(&self, w: f64, value: f64) -> f64 {
        self.momentum * w + (1.0 - self.momentum) * value
    }
}
