//! Softmax and its logarithm over the last axis.
//!
//! With m = max x: softmax(x)ᵢ = e^{xᵢ − m}/Σⱼ e^{xⱼ − m}, log softmax(x)ᵢ = (xᵢ − m) − ln Σⱼ e^{xⱼ − m}. Subtracting m keeps
//! every exponential at most 1. A row with NaN, with +∞, or of −∞ alone is NaN, as in PyTorch.

use crate::Exec;
use crate::elementwise::{BLOCK, maximum};
use crate::isa::multiversion;
use crate::parallel::{self, TASK};
use crate::transcendental::{exp, log};

/// Softmax of each row of `x`, `[rows, classes]`.
///
/// # Panics
/// If `x` and `out` differ in length or are not whole rows.
pub fn softmax(exec: Exec<'_>, x: &[f32], classes: usize, out: &mut [f32]) {
    rows(exec, x, classes, out, |x, out| softmax_rows(exec.isa, x, classes, out));
}

/// The logarithm of softmax of each row of `x`, `[rows, classes]`.
///
/// # Panics
/// As [`softmax`].
pub fn log_softmax(exec: Exec<'_>, x: &[f32], classes: usize, out: &mut [f32]) {
    rows(exec, x, classes, out, |x, out| log_softmax_rows(exec.isa, x, classes, out));
}

fn rows(exec: Exec<'_>, x: &[f32], classes: usize, out: &mut [f32], body: impl Fn(&[f32], &mut [f32]) + Sync) {
    assert_eq!(x.len(), out.len(), "softmax and its input");
    if out.is_empty() {
        return;
    }
    assert!(x.len().is_multiple_of(classes), "{} elements are not rows of {classes}", x.len());
    parallel::for_each_chunk(exec.pool, out, rows_per_task(classes) * classes, |first, out| {
        // A few rows at a time, so that every sweep but the first finds them in the first-level cache.
        let near = rows_nearby(classes) * classes;
        for (x, out) in x[first..first + out.len()].chunks(near).zip(out.chunks_mut(near)) {
            body(x, out);
        }
    });
}

pub(crate) fn rows_per_task(classes: usize) -> usize {
    (TASK / classes.max(1)).max(1)
}

pub(crate) fn rows_nearby(classes: usize) -> usize {
    (4 * BLOCK / classes.max(1)).max(1)
}

multiversion! {
    fn softmax_rows(isa; x: &[f32], classes: usize, out: &mut [f32]) {
        exp_rows(x, classes, out);
        for row in out.chunks_exact_mut(classes) {
            let scale = 1.0 / sum(row);
            row.iter_mut().for_each(|v| *v *= scale);
        }
    }
}

multiversion! {
    fn log_softmax_rows(isa; x: &[f32], classes: usize, out: &mut [f32]) {
        for (x, out) in x.chunks_exact(classes).zip(out.chunks_exact_mut(classes)) {
            let largest = max(x);
            let log_sum = log(sum_exp(x, largest));
            out.iter_mut().zip(x).for_each(|(to, &x)| *to = (x - largest) - log_sum);
        }
    }
}

/// e^{x − max} of each row; the exponentials of all rows in one loop, which short rows alone would not fill.
#[inline(always)]
pub(crate) fn exp_rows(x: &[f32], classes: usize, out: &mut [f32]) {
    for (x, out) in x.chunks_exact(classes).zip(out.chunks_exact_mut(classes)) {
        let largest = max(x);
        out.iter_mut().zip(x).for_each(|(to, &x)| *to = x - largest);
    }
    out.iter_mut().for_each(|v| *v = exp(*v));
}

/// Σ e^{x − largest} without storing the exponentials of more than a block.
#[inline(always)]
pub(crate) fn sum_exp(x: &[f32], largest: f32) -> f32 {
    let mut block = [0.0; BLOCK];
    let mut total = 0.0f64;
    for x in x.chunks(BLOCK) {
        let values = &mut block[..x.len()];
        values.iter_mut().zip(x).for_each(|(to, &x)| *to = exp(x - largest));
        total += f64::from(sum(values));
    }
    total as f32
}

/// The number of accumulators of a row: enough to hide the latency of an addition.
const LANES: usize = 32;

/// Σ x, blocks in f64.
#[inline(always)]
pub(crate) fn sum(x: &[f32]) -> f32 {
    if x.len() < LANES {
        return x.iter().fold(0.0, |a, &b| a + b);
    }
    let mut total = 0.0f64;
    for block in x.chunks(BLOCK) {
        total += f64::from(fold_lanes(block, 0.0, |a, b| a + b));
    }
    total as f32
}

/// max x, NaN if any is.
#[inline(always)]
pub(crate) fn max(x: &[f32]) -> f32 {
    if x.len() < LANES {
        return x.iter().fold(f32::NEG_INFINITY, |a, &b| maximum(a, b));
    }
    fold_lanes(x, f32::NEG_INFINITY, maximum)
}

#[inline(always)]
fn fold_lanes(x: &[f32], identity: f32, f: impl Fn(f32, f32) -> f32 + Copy) -> f32 {
    let mut acc = [identity; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        acc.iter_mut().zip(chunk).for_each(|(acc, &v)| *acc = f(*acc, v));
    }
    acc.iter_mut().zip(rest).for_each(|(acc, &v)| *acc = f(*acc, v));
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        let (low, high) = acc.split_at_mut(width);
        low.iter_mut().zip(&high[..width]).for_each(|(low, &high)| *low = f(*low, high));
    }
    acc[0]
}
