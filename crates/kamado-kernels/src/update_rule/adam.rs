//! Adam and AMSGrad.

use super::{MOST_SLOTS, Step, toward};
use crate::simd::Simd;

/// `m ← m + first·(g - m)`, `v ← v + second·(g² - v)`, `w ← w - alpha·m / (√v + epsilon)`. Slots: m, v.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Adam {
    /// `learning_rate·√(1 - β₂ᵗ) / (1 - β₁ᵗ)` in step t, counted from 1.
    pub alpha: f32,
    /// `1 - β₁`, rounded once: of a β rounded to f32 it is wrong from the fifth digit on.
    pub first: f32,
    /// `1 - β₂`, rounded once.
    pub second: f32,
    /// Added to the root.
    pub epsilon: f32,
}

impl Adam {
    #[inline(always)]
    fn moments<S: Simd>(self, simd: S, m: S::V, v: S::V, g: S::V) -> (S::V, S::V) {
        (toward(simd, m, g, self.first), toward(simd, v, simd.mul(g, g), self.second))
    }

    #[inline(always)]
    fn down<S: Simd>(self, simd: S, w: S::V, m: S::V, v: S::V) -> S::V {
        let root = simd.add(simd.sqrt(v), simd.splat(self.epsilon));
        simd.sub(w, simd.div(simd.mul(m, simd.splat(self.alpha)), root))
    }
}

impl Step for Adam {
    const SLOTS: usize = 2;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [m, v, x] = slots;
        let (m, v) = self.moments(simd, m, v, g);
        (self.down(simd, w, m, v), [m, v, x])
    }
}

/// As [`Adam`], but with the largest v so far in the root. Slots: m, v, and that.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AmsGrad(pub Adam);

impl Step for AmsGrad {
    const SLOTS: usize = 3;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [m, v, largest] = slots;
        let (m, v) = self.0.moments(simd, m, v, g);
        let largest = simd.max(largest, v);
        (self.0.down(simd, w, m, largest), [m, v, largest])
    }
}
