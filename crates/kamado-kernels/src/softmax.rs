//! Softmax and its logarithm over the last axis.
//!
//! With m = max x: softmax(x)ᵢ = e^{xᵢ − m}/Σⱼ e^{xⱼ − m}, log softmax(x)ᵢ = (xᵢ − m) − ln Σⱼ e^{xⱼ − m}. Subtracting m keeps
//! every exponential at most 1. A row with NaN, with +∞, or of −∞ alone is NaN, as in PyTorch.

use crate::Exec;
use crate::elementwise::BLOCK;
use crate::isa::multiversion;
use crate::lanes::{largest_number, sum};
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

/// Elements that are worked on together.
pub(crate) const NEARBY: usize = 4 * BLOCK;

pub(crate) fn rows_nearby(classes: usize) -> usize {
    (NEARBY / classes.max(1)).max(1)
}

multiversion! {
    fn softmax_rows(isa; x: &[f32], classes: usize, out: &mut [f32]) {
        exp_rows(x, classes, out);
        for row in out.chunks_exact_mut(classes) {
            let scale = 1.0 / sum(row);
            for v in &mut *row {
                *v *= scale;
            }
        }
    }
}

multiversion! {
    fn log_softmax_rows(isa; x: &[f32], classes: usize, out: &mut [f32]) {
        exp_rows(x, classes, out);
        for (x, out) in x.chunks_exact(classes).zip(out.chunks_exact_mut(classes)) {
            let (largest, log_sum) = (largest_number(x), log(sum(out)));
            for (to, &x) in out.iter_mut().zip(x) {
                *to = (x - largest) - log_sum;
            }
        }
    }
}

/// Classes from which on a row fills a loop of exponentials.
const LONG: usize = 64;

/// e^{x − max} of each row; the exponentials of all short rows in one loop, which one alone would not fill.
#[inline(always)]
pub(crate) fn exp_rows(x: &[f32], classes: usize, out: &mut [f32]) {
    let long = classes >= LONG;
    for (x, out) in x.chunks_exact(classes).zip(out.chunks_exact_mut(classes)) {
        let largest = largest_number(x);
        if long {
            for (to, &x) in out.iter_mut().zip(x) {
                *to = exp(x - largest);
            }
        } else {
            for (to, &x) in out.iter_mut().zip(x) {
                *to = x - largest;
            }
        }
    }
    if long {
        return;
    }
    for v in &mut *out {
        *v = exp(*v);
    }
}

/// Σ e^{x − max x}, storing a block of exponentials at a time in `scratch`.
#[inline(always)]
pub(crate) fn sum_exp(x: &[f32], scratch: &mut [f32; NEARBY]) -> f32 {
    let (largest, mut total) = (largest_number(x), 0.0f64);
    for x in x.chunks(BLOCK) {
        let exps = &mut scratch[..x.len()];
        for (to, &x) in exps.iter_mut().zip(x) {
            *to = exp(x - largest);
        }
        total += f64::from(sum(exps));
    }
    total as f32
}
