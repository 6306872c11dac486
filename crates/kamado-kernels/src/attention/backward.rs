//! The backward pass of one head, or of some of its queries or keys.

use std::ops::Range;

use super::tile::{KEYS, Left, QUERIES, Right, probabilities, product, whole};
use super::{AttentionShape, Forwarded, Head};
use crate::gemm::pack_b;
use crate::lanes::sum;
use crate::simd::{Kernel, Shared, Simd};

/// The gradients that are wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) dq: Option<Shared>,
    pub(super) dk: Option<Shared>,
    pub(super) dv: Option<Shared>,
}

/// The sizes of the scratch's parts, in the order of [`Space`].
fn parts(shape: &AttentionShape) -> [usize; 10] {
    let (d, e) = (shape.key_dim, shape.value_dim);
    let scores = QUERIES * KEYS;
    let packed: [usize; 5] = [KEYS * d, KEYS * e, KEYS * whole(d), QUERIES * whole(d), QUERIES * whole(e)];
    let [keys_across, values_across, keys, queries, dy] = packed;
    let parts = [keys_across, values_across, keys, queries, dy, scores, scores, KEYS * d, KEYS * e, shape.queries];
    parts.map(|len| len.next_multiple_of(16))
}

/// Floats of scratch that a worker needs.
pub(super) fn scratch(shape: &AttentionShape) -> usize {
    parts(shape).iter().sum()
}

/// The parts of the scratch.
#[derive(Clone, Copy)]
struct Space {
    /// Kᵀ and Vᵀ, for the scores and the gradients of the probabilities.
    keys_across: *mut f32,
    values_across: *mut f32,
    /// K, for dQ.
    keys: *mut f32,
    /// Q and dY, for dK and dV.
    queries: *mut f32,
    dy: *mut f32,
    /// P and dS.
    scores: *mut f32,
    slopes: *mut f32,
    /// dK and dV of the keys at hand.
    dk: *mut f32,
    dv: *mut f32,
    /// Σ dY · Y of every query.
    delta: *mut f32,
}

/// What the queries `rows` and the keys `keys` of one head contribute.
pub(super) struct Backward {
    shape: AttentionShape,
    head: Head,
    y: *const f32,
    dy: *const f32,
    lse: *const f32,
    wanted: Wanted,
    rows: Range<usize>,
    keys: Range<usize>,
    space: Space,
}

impl Backward {
    pub(super) fn new(
        shape: &AttentionShape,
        head: Head,
        forwarded: &Forwarded<'_>,
        wanted: Wanted,
        rows: Range<usize>,
        keys: Range<usize>,
        scratch: *mut f32,
    ) -> Self {
        let mut at = 0;
        let [keys_across, values_across, packed_keys, queries, packed_dy, scores, slopes, dk, dv, delta] = parts(shape)
            .map(|len| {
                at += len;
                scratch.wrapping_add(at - len)
            });
        let space = Space {
            keys_across,
            values_across,
            keys: packed_keys,
            queries,
            dy: packed_dy,
            scores,
            slopes,
            dk,
            dv,
            delta,
        };
        let [_, _, _, y, sums] = head.at;
        Backward {
            shape: *shape,
            head,
            y: forwarded.y.as_ptr().wrapping_add(y),
            dy: forwarded.dy.as_ptr().wrapping_add(y),
            lse: forwarded.lse.as_ptr().wrapping_add(sums),
            wanted,
            rows,
            keys,
            space,
        }
    }

    /// # Safety
    /// The slices must have the shape's lengths.
    #[inline(always)]
    unsafe fn sum_products(&self) {
        let token = self.shape.token().1;
        for row in self.rows.clone() {
            let mut products = 0.0;
            let mut done = 0;
            while done < self.shape.value_dim {
                let count = KEYS.min(self.shape.value_dim - done);
                // SAFETY: the caller vouches for the row, and the tile of scores for KEYS floats.
                unsafe {
                    let [y, dy] =
                        [self.y, self.dy].map(|p| std::slice::from_raw_parts(p.add(row * token + done), count));
                    let terms = std::slice::from_raw_parts_mut(self.space.scores, count);
                    terms.iter_mut().zip(y).zip(dy).for_each(|((term, y), dy)| *term = y * dy);
                    products += sum(terms);
                }
                done += count;
            }
            // SAFETY: there is room for every query.
            unsafe { *self.space.delta.add(row) = products };
        }
    }

    /// # Safety
    /// The slices must have the shape's lengths.
    #[inline(always)]
    unsafe fn pack_keys<S: Simd>(&self, simd: S, key: usize, count: usize) {
        let (shape, space) = (&self.shape, &self.space);
        let (token, value_token) = shape.token();
        // SAFETY: the caller vouches for the keys.
        unsafe {
            let k = self.head.k.add(key * token);
            pack_b(simd, k, token, true, shape.key_dim, count, space.keys_across);
            let v = self.head.v.add(key * value_token);
            pack_b(simd, v, value_token, true, shape.value_dim, count, space.values_across);
            if self.wanted.dq.is_some() {
                pack_b(simd, k, token, false, count, shape.key_dim, space.keys);
            }
        }
    }

    /// P and dS of the queries from `row` on and the first `seen` keys from `key` on.
    ///
    /// # Safety
    /// The keys must be packed, and their slices have the shape's lengths.
    #[inline(always)]
    unsafe fn slopes<S: Simd>(&self, simd: S, (row, height): (usize, usize), key: usize, seen: usize) {
        let (shape, space) = (&self.shape, &self.space);
        let (token, value_token) = shape.token();
        let left = |a: *const f32, token| Left { a: a.wrapping_add(row * token), rows: token, cols: 1 };
        let right = |b: *mut f32, depth| Right { b, depth };
        let (d, e) = (shape.key_dim, shape.value_dim);
        // SAFETY: the tiles have room for QUERIES rows of KEYS scores; the caller vouches for the rest.
        unsafe {
            let scores = (space.scores, KEYS);
            product(simd, [height, seen, d], left(self.head.q, token), right(space.keys_across, d), scores, false);
            let slopes = (space.slopes, KEYS);
            product(simd, [height, seen, e], left(self.dy, value_token), right(space.values_across, e), slopes, false);
            for i in 0..height {
                let [p, slope] =
                    [space.scores, space.slopes].map(|t| std::slice::from_raw_parts_mut(t.add(i * KEYS), seen));
                let own = shape.seen_before(row + i + 1).saturating_sub(key).min(seen);
                let (p, hidden) = p.split_at_mut(own);
                hidden.fill(0.0);
                let (slope, hidden) = slope.split_at_mut(own);
                hidden.fill(0.0);
                probabilities(p, self.head.mask(key, own), shape.scale, *self.lse.add(row + i));
                let delta = *space.delta.add(row + i);
                let mut kept = [0.0; KEYS];
                let kept = self.head.kept(shape, row + i, key, &mut kept[..own]);
                kept.iter().for_each(|kept| slope.iter_mut().zip(*kept).for_each(|(slope, kept)| *slope *= *kept));
                slope.iter_mut().zip(&*p).for_each(|(slope, p)| *slope = *p * (*slope - delta) * shape.scale);
                kept.iter().for_each(|kept| p.iter_mut().zip(*kept).for_each(|(p, kept)| *p *= *kept));
            }
        }
    }

    /// Adds what the tile at hand contributes to the wanted gradients.
    ///
    /// # Safety
    /// As [`Backward::slopes`], which must have filled the tile.
    #[inline(always)]
    unsafe fn accumulate<S: Simd>(
        &self,
        simd: S,
        (row, height): (usize, usize),
        (key, count): (usize, usize),
        seen: usize,
    ) {
        let (shape, space) = (&self.shape, &self.space);
        let (token, value_token) = shape.token();
        let (d, e) = (shape.key_dim, shape.value_dim);
        let across = |a: *mut f32| Left { a, rows: 1, cols: KEYS };
        // SAFETY: the caller vouches for it; the sums have room for KEYS rows.
        unsafe {
            if self.wanted.dv.is_some() {
                pack_b(simd, self.dy.add(row * value_token), value_token, false, height, e, space.dy);
                let dy = Right { b: space.dy, depth: height };
                product(simd, [seen, e, height], across(space.scores), dy, (space.dv, e), true);
            }
            if self.wanted.dk.is_some() {
                pack_b(simd, self.head.q.add(row * token), token, false, height, d, space.queries);
                let queries = Right { b: space.queries, depth: height };
                product(simd, [seen, d, height], across(space.slopes), queries, (space.dk, d), true);
            }
            if let Some(dq) = self.wanted.dq {
                let slopes = Left { a: space.slopes, rows: KEYS, cols: 1 };
                let keys = Right { b: space.keys, depth: count };
                let dq = dq.ptr().add(self.head.at[0] + row * token);
                product(simd, [height, d, seen], slopes, keys, (dq, token), key > 0);
            }
        }
    }

    /// Stores the sums of the keys from `key` on.
    ///
    /// # Safety
    /// This task alone may write the gradients of these keys.
    #[inline(always)]
    unsafe fn store(&self, key: usize, count: usize) {
        let (token, value_token) = self.shape.token();
        let [_, k, v, _, _] = self.head.at;
        let sums = [
            (self.wanted.dk, k + key * token, token, self.space.dk, self.shape.key_dim),
            (self.wanted.dv, v + key * value_token, value_token, self.space.dv, self.shape.value_dim),
        ];
        for (gradient, at, token, sums, features) in sums {
            let Some(gradient) = gradient else { continue };
            for i in 0..count {
                // SAFETY: the caller vouches for the gradient; there are sums for KEYS keys.
                unsafe {
                    let from = std::slice::from_raw_parts(sums.add(i * features), features);
                    gradient.slice(at + i * token, features).copy_from_slice(from);
                }
            }
        }
    }
}

impl Kernel for Backward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let shape = &self.shape;
        // SAFETY: `backward` has compared every slice with the shape; of its tasks for one head each writes the gradients
        // of its own queries or keys; every worker has scratch of its own.
        unsafe {
            self.sum_products();
            for key in self.keys.clone().step_by(KEYS) {
                let count = KEYS.min(self.keys.end - key);
                std::slice::from_raw_parts_mut(self.space.dk, count * shape.key_dim).fill(0.0);
                std::slice::from_raw_parts_mut(self.space.dv, count * shape.value_dim).fill(0.0);
                self.pack_keys(simd, key, count);
                for row in self.rows.clone().step_by(QUERIES) {
                    let height = QUERIES.min(self.rows.end - row);
                    let seen = shape.seen_before(row + height).saturating_sub(key).min(count);
                    if seen > 0 {
                        self.slopes(simd, (row, height), key, seen);
                        self.accumulate(simd, (row, height), (key, count), seen);
                    }
                }
                self.store(key, count);
            }
        }
    }
}
