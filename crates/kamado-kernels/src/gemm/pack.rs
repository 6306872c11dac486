//! Copies of B, and of an A that is read across its rows, in the order in which the inner loop reads them.

use crate::simd::Simd;

/// Rows of A that are packed together: whole strips, whatever the instruction set, and whole cache lines of the source.
pub(super) const CHUNK: usize = 48;

/// Columns from the one that is packed to the one that is fetched: each lies in cache lines, often in a page, of its own.
const AHEAD: usize = 16;

/// Floats of a chunk of A of depth `k`.
pub(super) fn packed_a(k: usize) -> usize {
    CHUNK * k
}

/// Packs `m <= CHUNK` rows and `k` columns of A, whose element (i, k) is `a[k * stride + i]`, into strips of `S::TILE_ROWS` rows,
/// one after another, column by column.
///
/// # Safety
/// All these elements must be readable, and `dst` must have room for [`packed_a`] floats.
#[inline(always)]
pub(super) unsafe fn pack_a<S: Simd>(simd: S, a: *const f32, stride: usize, m: usize, k: usize, dst: *mut f32) {
    let height = S::TILE_ROWS;
    for column in 0..k {
        let ahead = a.wrapping_add((column + AHEAD) * stride);
        (0..m).step_by(16).for_each(|row| simd.prefetch(ahead.wrapping_add(row)));
        for (strip, row) in (0..m).step_by(height).enumerate() {
            let to = dst.wrapping_add((strip * k + column) * height);
            // SAFETY: the caller vouches for the rows. A vector is longer than a strip is high: what runs over are the
            // strip's next columns, which are stored later; the last columns are stored without.
            unsafe {
                let from = a.add(column * stride + row);
                let whole = m - row >= S::LANES;
                let v = if whole { simd.load(from) } else { simd.load_first(from, height.min(m - row)) };
                if (k - column) * height >= S::LANES { simd.store(to, v) } else { simd.store_first(to, v, height) }
            }
        }
    }
}

/// Packs `k` rows and `n` columns of B into panels of `2 * S::LANES` columns, one after another, each `k` rows deep;
/// the last panel is filled up with zeros. B's element (k, j) is `b[k * ldb + j]`, or `b[j * ldb + k]` if `transposed`.
///
/// # Safety
/// All these elements must be readable, and `dst` must have room for whole panels.
#[inline(always)]
pub(crate) unsafe fn pack_b<S: Simd>(
    simd: S,
    b: *const f32,
    ldb: usize,
    transposed: bool,
    k: usize,
    n: usize,
    dst: *mut f32,
) {
    let width = 2 * S::LANES;
    for (panel, start) in (0..n).step_by(width).enumerate() {
        let cols = width.min(n - start);
        // SAFETY: the panel's elements are among those that the caller vouches for.
        unsafe {
            let dst = dst.add(panel * k * width);
            if transposed {
                transpose_panel(simd, b.add(start * ldb), ldb, k, cols, dst);
            } else {
                copy_panel(simd, b.add(start), ldb, k, cols, dst);
            }
        }
    }
}

/// # Safety
/// See [`pack_b`].
#[inline(always)]
unsafe fn copy_panel<S: Simd>(simd: S, b: *const f32, ldb: usize, k: usize, cols: usize, dst: *mut f32) {
    let width = 2 * S::LANES;
    // SAFETY: `cols` columns are readable in each row, and a whole panel is writable.
    unsafe {
        if cols == width {
            for row in 0..k {
                let (src, dst) = (b.add(row * ldb), dst.add(row * width));
                simd.store(dst, simd.load(src));
                simd.store(dst.add(S::LANES), simd.load(src.add(S::LANES)));
            }
            return;
        }
        let (first, second) = (cols.min(S::LANES), cols.saturating_sub(S::LANES));
        for row in 0..k {
            let (src, dst) = (b.add(row * ldb), dst.add(row * width));
            simd.store(dst, simd.load_first(src, first));
            // Of no second lane not even the address may be in the slice.
            let src = if second > 0 { src.add(S::LANES) } else { src };
            simd.store(dst.add(S::LANES), simd.load_first(src, second));
        }
    }
}

/// # Safety
/// See [`pack_b`].
#[inline(always)]
unsafe fn transpose_panel<S: Simd>(simd: S, b: *const f32, ldb: usize, k: usize, cols: usize, dst: *mut f32) {
    let width = 2 * S::LANES;
    let (whole_cols, whole_k) = (cols / 8 * 8, k / 8 * 8);
    // SAFETY: `cols` rows of `k` elements are readable, and a whole panel is writable.
    unsafe {
        for col in (0..whole_cols).step_by(8) {
            for row in (0..whole_k).step_by(8) {
                simd.transpose8(b.add(col * ldb + row), ldb, dst.add(row * width + col), width);
            }
        }
        for row in 0..k {
            let done = if row < whole_k { whole_cols } else { 0 };
            for col in done..width {
                *dst.add(row * width + col) = if col < cols { *b.add(col * ldb + row) } else { 0.0 };
            }
        }
    }
}
