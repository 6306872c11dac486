//! Exponential moving average.
//!
//! `w ← μₜ·w + (1 - μₜ)·value`. `μₜ` is `μ`, or with warm-up `min(μ, (1 + t) / (10 + t))` in step `t` (from zero), so that
//! the start is soon forgotten. Used for the statistics of batch normalisation and for averaged weights; the learning
//! rate plays no part.
//!
//! Source: Polyak and Juditsky 1992; the warm-up is that of TensorFlow's `ExponentialMovingAverage` with `num_updates`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// An exponential moving average.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct MovingAverage {
    /// `μ`, the share that is kept.
    pub momentum: f64,
    /// Whether less is kept in the first steps.
    pub warm_up: bool,
}

impl MovingAverage {
    /// `μₜ`, the share that is kept in this step.
    pub fn kept(&self, info: &StepInfo) -> f64 {
        let t = info.step as f64;
        if self.warm_up { self.momentum.min((1.0 + t) / (10.0 + t)) } else { self.momentum }
    }

    pub(super) fn scalar(&self, w: f64, value: f64, info: &StepInfo) -> f64 {
        let kept = self.kept(info);
        kept * w + (1.0 - kept) * value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_keeps_little_at_first() {
        let info = |step| StepInfo { seed: 0, step, learning_rate: 0.0 };
        let average = MovingAverage { momentum: 0.99, warm_up: true };
        assert_eq!([0, 8, 100_000].map(|step| average.kept(&info(step))), [0.1, 0.5, 0.99]);
        assert_eq!(MovingAverage { warm_up: false, ..average }.kept(&info(0)), 0.99);
        assert_eq!(average.scalar(2.0, 12.0, &info(8)), 7.0);
    }
}
