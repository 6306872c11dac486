//! Gradient descent.

use super::{MOST_SLOTS, Step};
use crate::simd::Simd;

/// `w ← w - learning_rate·g`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Descent {
    /// The step length.
    pub learning_rate: f32,
}

impl Step for Descent {
    const SLOTS: usize = 0;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        (simd.mul_add(g, simd.splat(-self.learning_rate), w), slots)
    }
}

/// `m ← momentum·m - learning_rate·g`, then `w ← w + m`, or `w ← w + momentum·m - learning_rate·g` if `nesterov`.
/// Slot: m.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Momentum {
    /// The step length.
    pub learning_rate: f32,
    /// What is kept of the last step.
    pub momentum: f32,
    /// Whether to look ahead along the momentum.
    pub nesterov: bool,
}

impl Step for Momentum {
    const SLOTS: usize = 1;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [m, x, y] = slots;
        let (momentum, down) = (simd.splat(self.momentum), simd.mul(g, simd.splat(-self.learning_rate)));
        let m = simd.mul_add(m, momentum, down);
        let step = if self.nesterov { simd.mul_add(m, momentum, down) } else { m };
        (simd.add(w, step), [m, x, y])
    }
}
