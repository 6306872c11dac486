//! The forward pass of some queries of one head.

use std::ops::Range;

use super::tile::{KEYS, Left, QUERIES, Right, exponentials, product, whole};
use super::{AttentionShape, Head};
use crate::gemm::pack_b;
use crate::simd::{Kernel, Shared, Simd};
use crate::transcendental::log;

/// Floats of scratch that a worker needs: packed keys and values, a tile of scores, and each row's maximum and sum.
pub(super) fn scratch(shape: &AttentionShape) -> usize {
    let keys = KEYS.min(whole(shape.keys));
    let all = whole(keys) * shape.key_dim + keys * whole(shape.value_dim) + QUERIES * KEYS + 2 * shape.queries;
    all.next_multiple_of(16)
}

/// The queries `rows` of one head.
pub(super) struct Forward {
    pub(super) shape: AttentionShape,
    pub(super) head: Head,
    pub(super) rows: Range<usize>,
    pub(super) y: Option<Shared>,
    pub(super) lse: Option<Shared>,
    pub(super) scratch: *mut f32,
}

/// The parts of the scratch.
struct Space<'a> {
    keys: *mut f32,
    values: *mut f32,
    scores: *mut f32,
    largest: &'a mut [f32],
    totals: &'a mut [f32],
}

impl Forward {
    /// # Safety
    /// The scratch must be as long as [`scratch`] says, and nobody else may use it meanwhile.
    unsafe fn space<'a>(&self) -> Space<'a> {
        let tile = KEYS.min(whole(self.shape.keys));
        let values = self.scratch.wrapping_add(whole(tile) * self.shape.key_dim);
        let scores = values.wrapping_add(tile * whole(self.shape.value_dim));
        let state = scores.wrapping_add(QUERIES * KEYS);
        let rows = self.rows.len();
        // SAFETY: the rows are some of the shape's queries, for whose state the scratch has room.
        let [largest, totals] = [0, rows].map(|at| unsafe { std::slice::from_raw_parts_mut(state.add(at), rows) });
        largest.fill(f32::NEG_INFINITY);
        totals.fill(0.0);
        Space { keys: self.scratch, values, scores, largest, totals }
    }

    /// Where the result of a query begins.
    fn result(&self, row: usize) -> Option<*mut f32> {
        self.y.map(|y| y.ptr().wrapping_add(self.head.at[3] + row * self.shape.token().1))
    }

    /// Scores, exponentials and their product with the values, for the queries from `row` on and the keys from `key` on.
    ///
    /// # Safety
    /// As [`Forward::space`]; the packed keys and values must be those `count` from `key` on.
    #[inline(always)]
    unsafe fn tile<S: Simd>(&self, simd: S, space: &mut Space<'_>, row: usize, (key, count): (usize, usize)) {
        let shape = &self.shape;
        let (token, value_token) = shape.token();
        let height = QUERIES.min(self.rows.end - row);
        let seen = shape.seen_before(row + height).saturating_sub(key).min(count);
        if seen == 0 {
            return;
        }
        let left = Left { a: self.head.q.wrapping_add(row * token), rows: token, cols: 1 };
        let right = Right { b: space.keys, depth: shape.key_dim };
        // SAFETY: the tile has room for QUERIES rows of KEYS scores.
        unsafe { product(simd, [height, seen, shape.key_dim], left, right, (space.scores, KEYS), false) };
        for i in 0..height {
            // SAFETY: as above; the mask has a value for every key.
            let scores = unsafe { std::slice::from_raw_parts_mut(space.scores.add(i * KEYS), seen) };
            let (scores, hidden) = scores.split_at_mut(shape.seen_before(row + i + 1).saturating_sub(key).min(seen));
            hidden.fill(0.0);
            // SAFETY: as above.
            let mask = unsafe { self.head.mask(key, scores.len()) };
            let at = row + i - self.rows.start;
            let mut kept = [0.0; KEYS];
            let factor = exponentials(scores, mask, shape.scale, &mut space.largest[at], &mut space.totals[at]);
            if let Some(kept) = self.head.kept(shape, row + i, key, &mut kept[..scores.len()]) {
                scores.iter_mut().zip(kept).for_each(|(p, kept)| *p *= *kept);
            }
            if let Some(y) = self.result(row + i).filter(|_| key > 0 && factor != 1.0) {
                // SAFETY: this task alone writes the results of its rows.
                let y = unsafe { std::slice::from_raw_parts_mut(y, shape.value_dim) };
                y.iter_mut().for_each(|y| *y *= factor);
            }
        }
        if let Some(y) = self.result(row) {
            let left = Left { a: space.scores, rows: KEYS, cols: 1 };
            let right = Right { b: space.values, depth: count };
            // SAFETY: as above.
            unsafe { product(simd, [height, shape.value_dim, seen], left, right, (y, value_token), key > 0) };
        }
    }

    /// Divides the results by the sums, and stores the sums' logarithms.
    ///
    /// # Safety
    /// This task alone may write what belongs to its rows.
    #[inline(always)]
    unsafe fn finish(&self, space: &Space<'_>) {
        for (i, row) in self.rows.clone().enumerate() {
            let (largest, total) = (space.largest[i], space.totals[i]);
            let empty = total == 0.0;
            if let Some(y) = self.result(row) {
                // SAFETY: the caller vouches for it.
                let y = unsafe { std::slice::from_raw_parts_mut(y, self.shape.value_dim) };
                let factor = if empty { 0.0 } else { 1.0 / total };
                y.iter_mut().for_each(|y| *y *= factor);
            }
            if let Some(lse) = self.lse {
                // SAFETY: as above.
                unsafe {
                    *lse.ptr().add(self.head.at[4] + row) = if empty { 0.0 } else { largest + log(total) };
                }
            }
        }
    }
}

impl Kernel for Forward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let shape = &self.shape;
        let (token, value_token) = shape.token();
        let end = shape.seen_before(self.rows.end);
        // SAFETY: `forward` has compared every slice with the shape, its tasks differ in the head or in the rows, and
        // every worker has scratch of its own.
        unsafe {
            let mut space = self.space();
            for key in (0..end).step_by(KEYS) {
                let count = KEYS.min(end - key);
                pack_b(simd, self.head.k.add(key * token), token, true, shape.key_dim, count, space.keys);
                if self.y.is_some() {
                    let values = self.head.v.add(key * value_token);
                    pack_b(simd, values, value_token, false, count, shape.value_dim, space.values);
                }
                for row in self.rows.clone().step_by(QUERIES) {
                    self.tile(simd, &mut space, row, (key, count));
                }
            }
            self.finish(&space);
        }
    }
}

impl Head {
    /// Dropout's mask of the probabilities of a query, for the keys from `key` on; `None` without dropout.
    #[inline(always)]
    pub(super) fn kept<'a>(
        &self,
        shape: &AttentionShape,
        row: usize,
        key: usize,
        to: &'a mut [f32],
    ) -> Option<&'a [f32]> {
        let (isa, mask, random) = self.dropout?;
        mask.fill(isa, random, self.first_score + row * shape.keys + key, to);
        Some(to)
    }

    /// The mask of `count` keys from `key` on.
    ///
    /// # Safety
    /// These keys must exist.
    #[inline(always)]
    pub(super) unsafe fn mask<'a>(&self, key: usize, count: usize) -> Option<&'a [f32]> {
        // SAFETY: the caller vouches for the keys; a mask that is not null has a value for each.
        (!self.mask.is_null()).then(|| unsafe { std::slice::from_raw_parts(self.mask.add(key), count) })
    }
}
