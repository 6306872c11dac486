//! Lion.

use super::{MOST_SLOTS, Step};
use crate::simd::Simd;

/// `c = beta1·m + (1 - beta1)·g`, `w ← w - learning_rate·(sign(c) + 0·c)`, `m ← beta2·m + (1 - beta2)·g`: a `c` that is
/// not finite makes the weight NaN. Slot: m.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lion {
    /// The step length.
    pub learning_rate: f32,
    /// `[β₁, 1 - β₁]`: the shares of the mean and of the gradient in the step.
    pub step: [f32; 2],
    /// `[β₂, 1 - β₂]`: their shares in the new mean.
    pub mean: [f32; 2],
}

impl Step for Lion {
    const SLOTS: usize = 1;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]) {
        let [m, x, y] = slots;
        let mix = |[old, new]: [f32; 2]| simd.mul_add(m, simd.splat(old), simd.mul(g, simd.splat(new)));
        let c = mix(self.step);
        let (zero, rate) = (simd.splat(0.0), simd.splat(self.learning_rate));
        let up = simd.keep_where_positive(simd.sub(zero, c), rate);
        let down = simd.keep_where_positive(c, rate);
        let step = simd.mul_add(c, zero, simd.sub(down, up));
        (simd.sub(w, step), [mix(self.mean), x, y])
    }
}
