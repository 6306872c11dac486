//! Adagrad.

use super::{MOST_SLOTS, Step};
use crate::simd::Simd;

/// `a ← a + g²`, `w ← w - learning_rate·g / √(a + epsilon)`. Slot: a.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Adagrad {
    /// The step length.
    pub learning_rate: f32,
    /// Added under the root.
    pub epsilon: f32,
}

impl Step for Adagrad {
    const SLOTS: usize = 1;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [a, x, y] = slots;
        let a = simd.mul_add(g, g, a);
        let root = simd.sqrt(simd.add(a, simd.splat(self.epsilon)));
        (simd.sub(w, simd.div(simd.mul(g, simd.splat(self.learning_rate)), root)), [a, x, y])
    }
}
