//! What the passes share: tiles, their products, and their rows.

use crate::gemm::{Ahead, Finish, Panels, RawOffsets, Strided};
use crate::lanes::{largest_number, sum};
use crate::simd::Simd;
use crate::transcendental::exp;

/// Queries of a tile: a multiple of every instruction set's tile height.
pub(super) const QUERIES: usize = 48;
/// Keys of a tile: with 64 features, the packed keys and values fit the level-2 cache beside the scores.
pub(super) const KEYS: usize = 128;

/// A column count as packed: whole panels, whatever the instruction set.
pub(super) fn whole(columns: usize) -> usize {
    columns.next_multiple_of(32)
}

/// A matrix as the left operand: the distances of its rows and of its columns.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub(super) a: *const f32,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

/// A matrix packed by [`crate::gemm::pack_b`], `depth` rows deep.
#[derive(Clone, Copy)]
pub(super) struct Right {
    pub(super) b: *const f32,
    pub(super) depth: usize,
}

/// `C = A · B`, or `C += A · B`, of `m` rows, `n` columns and depth `k`.
///
/// # Safety
/// All operands must be valid for the shape, C for writing.
#[inline(always)]
pub(super) unsafe fn product<S: Simd>(
    simd: S,
    [m, n, k]: [usize; 3],
    left: Left,
    right: Right,
    (c, ldc): (*mut f32, usize),
    add_c: bool,
) {
    let null = std::ptr::null();
    let width = 2 * S::LANES;
    simd.vectorize(Panels {
        a: left.a,
        rows: RawOffsets::Stride(left.rows),
        cols: Strided(left.cols),
        b: right.b,
        b_step: width,
        b_next: width * right.depth,
        c,
        ldc,
        m,
        n,
        k,
        finish: Finish { add_c, bias: null, relu: false, mask: null },
        ahead: Ahead::NOTHING,
    });
}

/// The scores of one query: multiplied by `scale`, −∞ where the mask hides the key.
#[inline(always)]
fn scores(row: &mut [f32], mask: Option<&[f32]>, scale: f32) {
    match mask {
        None => row.iter_mut().for_each(|s| *s *= scale),
        Some(mask) => {
            let hide = |(s, &seen): (&mut f32, &f32)| *s = if seen > 0.5 { *s * scale } else { f32::NEG_INFINITY };
            row.iter_mut().zip(mask).for_each(hide);
        }
    }
}

/// One step of the online softmax: turns the products `row` of a query with further keys into exponentials relative to the
/// greatest score so far, adds them to `total`, and returns the factor of what was computed before.
#[inline(always)]
pub(super) fn exponentials(
    row: &mut [f32],
    mask: Option<&[f32]>,
    scale: f32,
    largest: &mut f32,
    total: &mut f32,
) -> f32 {
    scores(row, mask, scale);
    let before = *largest;
    *largest = before.max(largest_number(row));
    // A row that has seen nothing yet: e^{−∞ − 0} = 0.
    let base = if *largest == f32::NEG_INFINITY { 0.0 } else { *largest };
    row.iter_mut().for_each(|s| *s = exp(*s - base));
    let factor = exp(before - base);
    *total = *total * factor + sum(row);
    factor
}

/// The probabilities of one query, from the products `row` with the keys and the logarithm of the sum.
#[inline(always)]
pub(super) fn probabilities(row: &mut [f32], mask: Option<&[f32]>, scale: f32, lse: f32) {
    scores(row, mask, scale);
    row.iter_mut().for_each(|s| *s = exp(*s - lse));
}
