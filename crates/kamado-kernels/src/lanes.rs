//! Sums and maxima of one row, in several accumulators.

use crate::elementwise::{BLOCK, maximum};

/// Accumulators of a long row: enough to hide the latency of an addition.
const MANY: usize = 32;
/// Accumulators of a short row, which are quickly combined.
const FEW: usize = 8;

/// Σ x, the blocks of a long row in f64.
#[inline(always)]
pub(crate) fn sum(x: &[f32]) -> f32 {
    let add = |a, b| a + b;
    if x.len() <= BLOCK {
        return fold(x, 0.0, add);
    }
    let mut total = 0.0;
    for block in x.chunks(BLOCK) {
        total += f64::from(fold(block, 0.0, add));
    }
    total as f32
}

/// Σ f(aᵢ, bᵢ), the blocks of a long row in f64.
#[inline(always)]
pub(crate) fn sum_zip(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Copy) -> f32 {
    let mut total = 0.0;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut acc = [0.0; MANY];
        let (a, b) = (a.chunks_exact(MANY), b.chunks_exact(MANY));
        let rest = a.remainder().iter().zip(b.remainder());
        for (a, b) in a.zip(b) {
            for (acc, (&a, &b)) in acc.iter_mut().zip(a.iter().zip(b)) {
                *acc += f(a, b);
            }
        }
        for (acc, (&a, &b)) in acc.iter_mut().zip(rest) {
            *acc += f(a, b);
        }
        total += f64::from(fold_lanes::<FEW>(&acc, 0.0, |a, b| a + b));
    }
    total as f32
}

/// max x, NaN if any is.
#[inline(always)]
pub(crate) fn max(x: &[f32]) -> f32 {
    fold(x, f32::NEG_INFINITY, maximum)
}

/// The largest number in x, NaN left out: one instruction per element.
#[inline(always)]
pub(crate) fn largest_number(x: &[f32]) -> f32 {
    fold(x, f32::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

#[inline(always)]
fn fold(x: &[f32], identity: f32, f: impl Fn(f32, f32) -> f32 + Copy) -> f32 {
    if x.len() < 2 * FEW {
        let mut acc = identity;
        for &v in x {
            acc = f(acc, v);
        }
        acc
    } else if x.len() < 8 * MANY {
        fold_lanes::<FEW>(x, identity, f)
    } else {
        fold_lanes::<MANY>(x, identity, f)
    }
}

/// `LANES` is a power of two.
#[inline(always)]
fn fold_lanes<const LANES: usize>(x: &[f32], identity: f32, f: impl Fn(f32, f32) -> f32 + Copy) -> f32 {
    let mut acc = [identity; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (acc, &v) in acc.iter_mut().zip(chunk) {
            *acc = f(*acc, v);
        }
    }
    for (acc, &v) in acc.iter_mut().zip(rest) {
        *acc = f(*acc, v);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        let (low, high) = acc.split_at_mut(width);
        for (low, &high) in low.iter_mut().zip(&high[..width]) {
            *low = f(*low, high);
        }
    }
    acc[0]
}
