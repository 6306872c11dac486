//! LAMB: a pass for the moments and the two norms, a pass for the weights.

use super::{Parameter, TASK, Weights, toward};
use crate::Exec;
use crate::simd::{Kernel, Shared, Simd, dispatch};

/// `m ← m + first·(g - m)`, `v ← v + second·(g² - v)`, `s = mean·m / (√(square·v) + epsilon)`,
/// `w ← w - learning_rate·(‖w‖ / ‖s‖)·s`; the ratio is 1 if a norm is 0. Slots: m, v.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lamb {
    /// The step length, before the ratio.
    pub learning_rate: f32,
    /// `1 / (1 - β₁ᵗ)` in step t, counted from 1.
    pub mean: f32,
    /// `1 / (1 - β₂ᵗ)`.
    pub square: f32,
    /// `1 - β₁`, rounded once.
    pub first: f32,
    /// `1 - β₂`, rounded once.
    pub second: f32,
    /// Added to the root.
    pub epsilon: f32,
}

/// Floats of scratch that [`lamb`] needs for `len` weights.
pub fn lamb_scratch(len: usize) -> usize {
    2 * len.div_ceil(TASK)
}

/// Updates a parameter by its gradient `g`. Sums of squares are cut by the length alone and added in order, so they do
/// not depend on the number of threads.
///
/// # Panics
/// If a slot or `g` is not as long as the weights, or the scratch is too short.
pub fn lamb(exec: Exec<'_>, rule: &Lamb, mut parameter: Parameter<'_>, g: &[f32], scratch: &mut [f32]) {
    let weights = parameter.checked(2, g.len());
    let tasks = g.len().div_ceil(TASK);
    let sums = Shared::new(&mut scratch[..2 * tasks]);
    let run = |ratio: Option<f32>| {
        exec.pool.run(tasks, |task, _| {
            let g = &g[task * TASK..g.len().min((task + 1) * TASK)];
            // SAFETY: two sums of every task.
            let sums = unsafe { sums.slice(2 * task, 2) };
            dispatch(exec.isa, Part { rule: *rule, weights, start: task * TASK, g, ratio, sums });
        });
    };
    run(None);
    // SAFETY: the tasks have ended.
    let parts = unsafe { sums.slice(0, 2 * tasks) };
    let total = |which: usize| parts.chunks_exact(2).map(|part| f64::from(part[which])).sum::<f64>();
    let (weights_squared, step_squared) = (total(0), total(1));
    let none = weights_squared == 0.0 || step_squared == 0.0;
    run(Some(if none { 1.0 } else { (weights_squared / step_squared).sqrt() as f32 }));
}

/// A pass over a part of the weights: over the moments, or with the ratio of the norms over the weights.
struct Part<'a> {
    rule: Lamb,
    weights: Weights,
    start: usize,
    g: &'a [f32],
    ratio: Option<f32>,
    sums: &'a mut [f32],
}

impl Kernel for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Lamb { learning_rate, mean, square, first, second, epsilon } = self.rule;
        let mut sums = [simd.splat(0.0); 2];
        for at in (0..self.g.len()).step_by(S::LANES) {
            let lanes = S::LANES.min(self.g.len() - at);
            // SAFETY: the part has `lanes` floats from `at` on, of g as of the weights; no other task has them.
            let load =
                |p: *const f32| unsafe { if lanes == S::LANES { simd.load(p) } else { simd.load_first(p, lanes) } };
            // SAFETY: as above.
            let store = |p: *mut f32, v| unsafe {
                if lanes == S::LANES { simd.store(p, v) } else { simd.store_first(p, v, lanes) }
            };
            let place = |shared: Shared| shared.ptr().wrapping_add(self.start + at);
            let [w, m, v] = [self.weights.value, self.weights.slots[0], self.weights.slots[1]].map(place);
            let step = |m, v| {
                let root = simd.add(simd.sqrt(simd.mul(v, simd.splat(square))), simd.splat(epsilon));
                simd.div(simd.mul(m, simd.splat(mean)), root)
            };
            if let Some(ratio) = self.ratio {
                let rate = simd.splat(-learning_rate * ratio);
                store(w, simd.mul_add(step(load(m), load(v)), rate, load(w)));
                continue;
            }
            let g = load(self.g.as_ptr().wrapping_add(at));
            let kept = simd.mul(load(w), simd.splat(self.weights.keep));
            let (new_m, new_v) = (toward(simd, load(m), g, first), toward(simd, load(v), simd.mul(g, g), second));
            store(w, kept);
            store(m, new_m);
            store(v, new_v);
            let mut tail = [0.0; MOST_LANES];
            store(tail.as_mut_ptr(), step(new_m, new_v));
            // SAFETY: `tail` has the lanes of every vector; those that are not part of the weights are 0.
            let s = unsafe { simd.load(tail.as_ptr()) };
            sums = [simd.mul_add(kept, kept, sums[0]), simd.mul_add(s, s, sums[1])];
        }
        if self.ratio.is_none() {
            for (total, sum) in self.sums.iter_mut().zip(sums) {
                let mut lanes = [0.0; MOST_LANES];
                // SAFETY: there is room for the lanes of every vector.
                unsafe { simd.store(lanes.as_mut_ptr(), sum) };
                *total = lanes.iter().sum();
            }
        }
    }
}

/// Floats in the longest vector.
const MOST_LANES: usize = 16;
