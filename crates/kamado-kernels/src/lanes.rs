//! Sums and maxima of one row, in several accumulators.

use crate::elementwise::{BLOCK, maximum};

/// Accumulators of a long row: enough to hide the latency of an addition.
const MANY: usize = 32;
/// Accumulators of a short row, which are quickly combined.
const FEW: usize = 8;
/// Accumulators of each of several sums, which together must fit the registers.
const LANES: usize = 16;

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

/// Σ f(aᵢ, bᵢ, cᵢ) for several f at once, the blocks of a long row in f64.
#[inline(always)]
pub(crate) fn sums<const N: usize>(
    a: &[f32],
    b: &[f32],
    c: &[f32],
    f: impl Fn(f32, f32, f32) -> [f32; N] + Copy,
) -> [f32; N] {
    let mut totals = [0.0f64; N];
    for ((a, b), c) in a.chunks(BLOCK).zip(b.chunks(BLOCK)).zip(c.chunks(BLOCK)) {
        let mut acc = [[0.0f32; LANES]; N];
        let (a, b, c) = (a.chunks_exact(LANES), b.chunks_exact(LANES), c.chunks_exact(LANES));
        let rest = a.remainder().iter().zip(b.remainder()).zip(c.remainder());
        for ((a, b), c) in a.zip(b).zip(c) {
            for lane in 0..LANES {
                let values = f(a[lane], b[lane], c[lane]);
                for (acc, value) in acc.iter_mut().zip(values) {
                    acc[lane] += value;
                }
            }
        }
        for (lane, ((&a, &b), &c)) in rest.enumerate() {
            for (acc, value) in acc.iter_mut().zip(f(a, b, c)) {
                acc[lane] += value;
            }
        }
        for (total, acc) in totals.iter_mut().zip(&acc) {
            *total += f64::from(fold_lanes::<FEW>(acc, 0.0, |a, b| a + b));
        }
    }
    totals.map(|total| total as f32)
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

/// `N` is a power of two.
#[inline(always)]
fn fold_lanes<const N: usize>(x: &[f32], identity: f32, f: impl Fn(f32, f32) -> f32 + Copy) -> f32 {
    let mut acc = [identity; N];
    let chunks = x.chunks_exact(N);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (acc, &v) in acc.iter_mut().zip(chunk) {
            *acc = f(*acc, v);
        }
    }
    for (acc, &v) in acc.iter_mut().zip(rest) {
        *acc = f(*acc, v);
    }
    let mut width = N;
    while width > 1 {
        width /= 2;
        let (low, high) = acc.split_at_mut(width);
        for (low, &high) in low.iter_mut().zip(&high[..width]) {
            *low = f(*low, high);
        }
    }
    acc[0]
}
