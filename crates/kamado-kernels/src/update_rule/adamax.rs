//! Adamax.

use super::{MOST_SLOTS, Step, toward};
use crate::simd::Simd;

/// `m ← m + first·(g - m)`, `u ← max(beta2·u, |g|)`, `w ← w - alpha·m / (u + epsilon)`. Slots: m, u.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Adamax {
    /// `learning_rate / (1 - β₁ᵗ)` in step t, counted from 1.
    pub alpha: f32,
    /// `1 - β₁`, rounded once.
    pub first: f32,
    /// Decay of the largest size.
    pub beta2: f32,
    /// Added to u.
    pub epsilon: f32,
}

impl Step for Adamax {
    const SLOTS: usize = 2;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [m, u, x] = slots;
        let m = toward(simd, m, g, self.first);
        let size = simd.max(simd.sub(simd.splat(0.0), g), g);
        let u = simd.max(simd.mul(u, simd.splat(self.beta2)), size);
        let step = simd.div(simd.mul(m, simd.splat(self.alpha)), simd.add(u, simd.splat(self.epsilon)));
        (simd.sub(w, step), [m, u, x])
    }
}
