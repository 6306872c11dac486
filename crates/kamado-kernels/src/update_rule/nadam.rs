//! Nadam.

use super::{MOST_SLOTS, Step, toward};
use crate::simd::Simd;

/// `m ← m + first·(g - m)`, `v ← v + second·(g² - v)`, `w ← w - (mean·m + fresh·g) / (√(square·v) + epsilon)`.
/// Slots: m, v.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Nadam {
    /// The learning rate of the mean, its correction and its share.
    pub mean: f32,
    /// The learning rate of the gradient, its correction and its share.
    pub fresh: f32,
    /// `1 / (1 - β₂ᵗ)` in step t, counted from 1.
    pub square: f32,
    /// `1 - β₁`, rounded once.
    pub first: f32,
    /// `1 - β₂`, rounded once.
    pub second: f32,
    /// Added to the root.
    pub epsilon: f32,
}

impl Step for Nadam {
    const SLOTS: usize = 2;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [m, v, x] = slots;
        let m = toward(simd, m, g, self.first);
        let v = toward(simd, v, simd.mul(g, g), self.second);
        let step = simd.mul_add(m, simd.splat(self.mean), simd.mul(g, simd.splat(self.fresh)));
        let root = simd.add(simd.sqrt(simd.mul(v, simd.splat(self.square))), simd.splat(self.epsilon));
        (simd.sub(w, simd.div(step, root)), [m, v, x])
    }
}
