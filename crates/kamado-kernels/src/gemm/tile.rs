//! The inner loop: a strip of rows of A times a packed panel of B, with the tile of C in registers.

use crate::simd::{Kernel, Simd};

/// Where the rows or columns of A begin, without lifetimes; see [`super::Offsets`].
#[derive(Clone, Copy)]
pub(crate) enum RawOffsets {
    Stride(usize),
    Table(*const u32),
}

impl RawOffsets {
    /// The offset of row or column `i`.
    ///
    /// # Safety
    /// A table must have an entry `i`.
    #[inline(always)]
    pub(crate) unsafe fn at(self, i: usize) -> usize {
        match self {
            RawOffsets::Stride(stride) => i * stride,
            // SAFETY: the caller vouches for it.
            RawOffsets::Table(table) => unsafe { *table.add(i) as usize },
        }
    }
}

/// Columns next to one another.
#[derive(Clone, Copy)]
pub(crate) struct Together;

/// Offsets of the columns of A, known to the compiler as one kind or the other.
pub(crate) trait Columns: Copy {
    /// Whether the elements of a row lie next to one another.
    const TOGETHER: bool;
    /// # Safety
    /// Column `k` must exist.
    unsafe fn at(self, k: usize) -> usize;
}

#[derive(Clone, Copy)]
pub(crate) struct Strided(pub(crate) usize);

#[derive(Clone, Copy)]
pub(crate) struct Tabled(pub(crate) *const u32);

impl Columns for Together {
    const TOGETHER: bool = true;
    #[inline(always)]
    unsafe fn at(self, k: usize) -> usize {
        k
    }
}

impl Columns for Strided {
    const TOGETHER: bool = false;
    #[inline(always)]
    unsafe fn at(self, k: usize) -> usize {
        k * self.0
    }
}

impl Columns for Tabled {
    const TOGETHER: bool = false;
    #[inline(always)]
    unsafe fn at(self, k: usize) -> usize {
        // SAFETY: the caller vouches for it.
        unsafe { *self.0.add(k) as usize }
    }
}

/// What happens to a finished tile of accumulators.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// Add what C holds.
    pub(crate) add_c: bool,
    /// Null, or one value per column.
    pub(crate) bias: *const f32,
    pub(crate) relu: bool,
    /// Null, or the value at C's first element of a matrix laid out as C.
    pub(crate) mask: *const f32,
}

/// What will be used after the product and is fetched into the cache while it runs, two parts of `len` floats.
///
/// A product of small operands leaves the memory idle, while what follows it would wait for the memory alone.
#[derive(Clone, Copy)]
pub(crate) struct Ahead {
    pub(crate) parts: [*const f32; 2],
    pub(crate) len: usize,
}

impl Ahead {
    pub(crate) const NOTHING: Ahead = Ahead { parts: [std::ptr::null(); 2], len: 0 };

    /// Fetches what falls to the tile at `done` of `all`; `all > 0`.
    #[inline(always)]
    fn fetch<S: Simd>(&self, simd: S, done: usize, next: usize, all: usize) {
        let (mut at, end) = (self.len * done / all, self.len * next / all);
        while at < end {
            simd.prefetch_far(self.parts[0].wrapping_add(at));
            simd.prefetch_far(self.parts[1].wrapping_add(at));
            at += 16;
        }
    }
}

/// `C[..m, ..n] = finish(A[..m, ..k] · B)` with B in panels of two vectors.
#[derive(Clone, Copy)]
pub(crate) struct Panels<C> {
    pub(crate) a: *const f32,
    pub(crate) rows: RawOffsets,
    pub(crate) cols: C,
    /// The first panel.
    pub(crate) b: *const f32,
    /// Distance between the rows of a panel.
    pub(crate) b_step: usize,
    /// Distance between panels.
    pub(crate) b_next: usize,
    pub(crate) c: *mut f32,
    pub(crate) ldc: usize,
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) finish: Finish,
    pub(crate) ahead: Ahead,
}

/// The heights of the strips that `m` rows are cut into: as equal as can be, none higher than `highest`.
#[inline(always)]
fn strips(m: usize, highest: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = m.div_ceil(highest);
    let (height, extra) = (m / count.max(1), m % count.max(1));
    (0..count).map(move |i| (i * height + i.min(extra), height + usize::from(i < extra)))
}

impl<C: Columns> Kernel for Panels<C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (row, height) in strips(self.m, S::TILE_ROWS) {
            // A height that the instruction set never uses is not compiled for it.
            macro_rules! by_height {
                ($($h:literal)*) => { match height {
                    $($h if $h <= S::TILE_ROWS => self.strip::<S, $h>(simd, row),)*
                    _ => unreachable!("strips are at most {} rows high", S::TILE_ROWS),
                } };
            }
            by_height!(1 2 3 4 5 6 7 8 9 10 11 12)
        }
    }
}

impl<C: Columns> Panels<C> {
    /// One strip of A, which stays in the level-1 cache while the panels of B stream past.
    #[inline(always)]
    fn strip<S: Simd, const MR: usize>(&self, simd: S, row: usize) {
        let rows: [*const f32; MR] = std::array::from_fn(|i| {
            // SAFETY: row + i < m.
            self.a.wrapping_add(unsafe { self.rows.at(row + i) })
        });
        let (mut col, mut b) = (0, self.b);
        while col < self.n {
            self.fetch_next::<S, MR>(simd, row + MR, col);
            if self.ahead.len > 0 {
                let done = row * self.n + col * MR;
                let width = (2 * S::LANES).min(self.n - col);
                self.ahead.fetch(simd, done, done + width * MR, self.m * self.n);
            }
            if self.n - col > S::LANES {
                self.tile::<S, MR, 2>(simd, &rows, b, row, col);
            } else {
                self.tile::<S, MR, 1>(simd, &rows, b, row, col);
            }
            col += 2 * S::LANES;
            b = b.wrapping_add(self.b_next);
        }
    }

    /// Fetches a share of the next strip of A, if its rows lie in memory one by one: without it the first tile of every
    /// strip would wait for the memory.
    #[inline(always)]
    fn fetch_next<S: Simd, const MR: usize>(&self, simd: S, row: usize, col: usize) {
        if C::TOGETHER && row < self.m {
            let width = 2 * S::LANES;
            let share = |col: usize| self.k * col.min(self.n) / self.n;
            let (first, end) = (share(col) / 16 * 16, share(col + width));
            for i in row..self.m.min(row + MR) {
                // SAFETY: i < m.
                let start = self.a.wrapping_add(unsafe { self.rows.at(i) });
                (first..end).step_by(16).for_each(|k| simd.prefetch_far(start.wrapping_add(k)));
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const MR: usize, const NV: usize>(
        &self,
        simd: S,
        rows: &[*const f32; MR],
        b: *const f32,
        row: usize,
        col: usize,
    ) {
        let cols = (NV * S::LANES).min(self.n - col);
        if self.finish.add_c {
            for i in 0..MR {
                let c = self.c.wrapping_add((row + i) * self.ldc + col);
                simd.prefetch(c);
                simd.prefetch(c.wrapping_add(cols - 1));
            }
        }
        let mut acc = [[simd.splat(0.0); NV]; MR];
        self.multiply(simd, rows, b, &mut acc);
        if cols == NV * S::LANES {
            self.store::<S, MR, NV, true>(simd, row, col, cols, acc);
        } else {
            self.store::<S, MR, NV, false>(simd, row, col, cols, acc);
        }
    }

    #[inline(always)]
    fn multiply<S: Simd, const MR: usize, const NV: usize>(
        &self,
        simd: S,
        rows: &[*const f32; MR],
        mut b: *const f32,
        acc: &mut [[S::V; NV]; MR],
    ) {
        for k in 0..self.k {
            // SAFETY: k < self.k, and whoever made the panel vouches for A's rows and columns and for B's rows.
            unsafe {
                let offset = self.cols.at(k);
                let bs: [S::V; NV] = std::array::from_fn(|j| simd.load(b.add(j * S::LANES)));
                for i in 0..MR {
                    let a = simd.splat(*rows[i].add(offset));
                    for j in 0..NV {
                        acc[i][j] = simd.mul_add(a, bs[j], acc[i][j]);
                    }
                }
            }
            b = b.wrapping_add(self.b_step);
        }
    }

    #[inline(always)]
    fn store<S: Simd, const MR: usize, const NV: usize, const FULL: bool>(
        &self,
        simd: S,
        row: usize,
        col: usize,
        cols: usize,
        acc: [[S::V; NV]; MR],
    ) {
        let Finish { add_c, bias, relu, mask } = self.finish;
        for j in 0..NV {
            let skip = j * S::LANES;
            let lanes = cols.saturating_sub(skip).min(S::LANES);
            // SAFETY: C, the mask and the bias have m rows of n columns, and `lanes` stops at n.
            let load = |p: *const f32| unsafe { if FULL { simd.load(p) } else { simd.load_first(p, lanes) } };
            let bias = if bias.is_null() { simd.splat(0.0) } else { load(bias.wrapping_add(col + skip)) };
            for (i, acc) in acc.iter().enumerate() {
                let at = (row + i) * self.ldc + col + skip;
                let c = self.c.wrapping_add(at);
                let mut v = acc[j];
                if add_c {
                    v = simd.add(load(c), v);
                }
                v = simd.add(v, bias);
                if relu {
                    v = simd.max(simd.splat(0.0), v);
                }
                if !mask.is_null() {
                    v = simd.keep_where_positive(load(mask.wrapping_add(at)), v);
                }
                // SAFETY: as for `load`.
                unsafe { if FULL { simd.store(c, v) } else { simd.store_first(c, v, lanes) } };
            }
        }
    }
}
