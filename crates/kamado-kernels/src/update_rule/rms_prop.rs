//! RMSprop.

use super::{MOST_SLOTS, Step, mean_square};
use crate::simd::Simd;

/// `v ← rho·v + fresh·g²`, `w ← w - learning_rate·g / √(v + epsilon)`. Slot: v.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RmsProp {
    /// The step length.
    pub learning_rate: f32,
    /// Decay of the second moment.
    pub rho: f32,
    /// `1 - rho`, rounded once.
    pub fresh: f32,
    /// Added under the root.
    pub epsilon: f32,
}

impl RmsProp {
    /// The new second moment and the step.
    #[inline(always)]
    fn moment_and_step<S: Simd>(self, simd: S, v: S::V, g: S::V) -> (S::V, S::V) {
        let v = mean_square(simd, v, g, self.rho, self.fresh);
        let root = simd.sqrt(simd.add(v, simd.splat(self.epsilon)));
        (v, simd.div(simd.mul(g, simd.splat(self.learning_rate)), root))
    }
}

impl Step for RmsProp {
    const SLOTS: usize = 1;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [v, x, y] = slots;
        let (v, step) = self.moment_and_step(simd, v, g);
        (simd.sub(w, step), [v, x, y])
    }
}

/// As [`RmsProp`] with the step s, but `m ← momentum·m + s`, `w ← w - m`. Slots: v, m.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RmsPropMomentum {
    /// The rule without momentum.
    pub plain: RmsProp,
    /// What is kept of the last step.
    pub momentum: f32,
}

impl Step for RmsPropMomentum {
    const SLOTS: usize = 2;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [v, m, x] = slots;
        let (v, step) = self.plain.moment_and_step(simd, v, g);
        let m = simd.mul_add(m, simd.splat(self.momentum), step);
        (simd.sub(w, m), [v, m, x])
    }
}
