//! Adadelta.

use super::{MOST_SLOTS, Step, mean_square};
use crate::simd::Simd;

/// `a ← rho·a + fresh·g²`, `s = g·√(d + epsilon) / √(a + epsilon)`, `d ← rho·d + fresh·s²`, `w ← w - learning_rate·s`.
/// Slots: a, d.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Adadelta {
    /// The share of s that is taken.
    pub learning_rate: f32,
    /// Decay of both mean squares.
    pub rho: f32,
    /// `1 - rho`, rounded once.
    pub fresh: f32,
    /// Added under both roots.
    pub epsilon: f32,
}

impl Step for Adadelta {
    const SLOTS: usize = 2;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [a, d, x] = slots;
        let root = |v| simd.sqrt(simd.add(v, simd.splat(self.epsilon)));
        let a = mean_square(simd, a, g, self.rho, self.fresh);
        let s = simd.div(simd.mul(g, root(d)), root(a));
        let d = mean_square(simd, d, s, self.rho, self.fresh);
        (simd.mul_add(s, simd.splat(-self.learning_rate), w), [a, d, x])
    }
}
