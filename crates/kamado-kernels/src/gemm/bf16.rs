//! Products of operands known to hold bfloat16 numbers, with the processor's instructions for these.
//!
//! Mixed precision rounds the operands of a product to bfloat16 but keeps them as f32, so the upper halves of their bits say
//! all. Packing, which the other products do for speed, here also halves what is read: neighbours along the depth are
//! stored as pairs in 32 bits, the even one below, as `vdpbf16ps` and `tdpbf16ps` expect them (Intel, "Architecture
//! instruction set extensions", 2023). A panel of B has [`WIDTH`] columns: two vectors, or two tiles beside one another. Of A
//! a strip of rows is packed at a time. A finished tile goes to a small stage in the level-1 cache and from there, with
//! bias, relu and mask, to C.
//!
//! The product of two bfloat16 numbers is exact in f32. Sums are rounded in each step, in another order than those of the
//! f32 kernel: even and odd columns of A come as pairs, the odd first. Both instructions take denormals for 0.
//!
//! Rows of A that lie scattered are gathered one number at a time; on tiles this may cost more than the product itself.

use crate::isa::Bf16;
use crate::simd::{Kernel, Simd};

use super::block::{Block, DEPTH};
use super::tile::{Finish, RawOffsets};

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;

/// Columns of a panel of B, and of the stage.
pub(super) const WIDTH: usize = 32;
/// Rows of the largest strip of A.
const HIGHEST: usize = 32;

/// Pairs that a depth is filled up to with zeros: whole tiles, at least one.
fn pairs(k: usize) -> usize {
    k.div_ceil(2).max(1).next_multiple_of(16)
}

/// Floats of scratch that a task of `n` columns and depth `k` needs.
pub(super) fn scratch(n: usize, k: usize) -> usize {
    (n.next_multiple_of(WIDTH) + HIGHEST) * pairs(k.min(DEPTH)) + HIGHEST * WIDTH
}

/// Floats of a packed B of `n` columns and depth `k`.
pub(super) fn packed(k: usize, n: usize) -> usize {
    n.next_multiple_of(WIDTH) * pairs(k)
}

/// A pair as the instructions expect it.
#[inline(always)]
fn pair(even: f32, odd: f32) -> u32 {
    even.to_bits() >> 16 | odd.to_bits() & 0xffff_0000
}

/// A row of pairs along the depth, filled up with zeros.
#[inline(always)]
fn fill(row: &mut [u32], k: usize, at: impl Fn(usize) -> f32) {
    let (whole, used) = (k / 2, k.div_ceil(2));
    row[..whole].iter_mut().enumerate().for_each(|(p, to)| *to = pair(at(2 * p), at(2 * p + 1)));
    row[whole..used].iter_mut().for_each(|to| *to = pair(at(k - 1), 0.0));
    row[used..].fill(0);
}

/// Packs `k` rows and `n` columns of B into panels, one after another, each [`pairs`] rows deep. B's element (k, j) is
/// `b[k * ldb + j]`, or `b[j * ldb + k]` if `transposed`.
///
/// # Safety
/// All these elements must be readable, and `dst` must have room for [`packed`] floats.
#[inline(always)]
pub(super) unsafe fn pack_b(b: *const f32, ldb: usize, transposed: bool, k: usize, n: usize, dst: *mut f32) {
    let depth = pairs(k);
    let (k_step, n_step) = if transposed { (1, ldb) } else { (ldb, 1) };
    for (panel, first) in (0..n).step_by(WIDTH).enumerate() {
        let cols = WIDTH.min(n - first);
        for p in 0..depth {
            // SAFETY: the panel lies in `dst`, whose bits may be any.
            let row =
                unsafe { std::slice::from_raw_parts_mut(dst.cast::<u32>().add((panel * depth + p) * WIDTH), WIDTH) };
            row.fill(0);
            // SAFETY: of B only what exists is read.
            let at = |k: usize, j: usize| unsafe { *b.add(k * k_step + (first + j) * n_step) };
            if 2 * p + 1 < k {
                row[..cols].iter_mut().enumerate().for_each(|(j, to)| *to = pair(at(2 * p, j), at(2 * p + 1, j)));
            } else if 2 * p < k {
                row[..cols].iter_mut().enumerate().for_each(|(j, to)| *to = pair(at(2 * p, j), 0.0));
            }
        }
    }
}

/// A piece of a block's depth.
pub(super) struct Piece<'a> {
    pub(super) block: &'a Block,
    pub(super) way: Bf16,
    pub(super) finish: Finish,
    /// Null, or the block's B as [`pack_b`] leaves it.
    pub(super) packed: *const f32,
    /// As long as [`scratch`] says.
    pub(super) scratch: *mut f32,
}

impl Kernel for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let &Block { m, n, k, b, ldb, b_transposed, .. } = self.block;
        let mut panels = self.packed;
        if panels.is_null() {
            // SAFETY: B is readable, and the scratch begins with room for its panels.
            unsafe { pack_b(b, ldb, b_transposed, k, n, self.scratch) };
            panels = self.scratch;
        }
        let (depth, rows) = (pairs(k), rows_of(self.way));
        let a = self.scratch.wrapping_add(packed(k, n));
        let stage = a.wrapping_add(HIGHEST * depth);
        let _tiles = Tiles::of(self.way);
        for first in (0..m).step_by(rows) {
            let strip = rows.min(m - first);
            // SAFETY: these rows are A's, and behind the panels there is room for a strip.
            unsafe { self.pack_strip(first, strip, a.cast()) };
            for col in (0..n).step_by(WIDTH) {
                let cols = WIDTH.min(n - col);
                // SAFETY: the strip and the panel are `depth` pairs deep, the stage lies behind the strip, and C, bias
                // and mask have these rows and columns.
                unsafe {
                    multiply(self.way, a.cast(), panels.add(col * depth).cast(), depth, [strip, cols], stage);
                    self.store(simd, stage, [first, col], [strip, cols]);
                }
            }
        }
    }
}

impl Piece<'_> {
    /// Packs `rows` rows of A from row `first` on, and zeros up to whole tiles.
    ///
    /// # Safety
    /// A must have the rows, and `to` room for [`HIGHEST`] of them.
    #[inline(always)]
    unsafe fn pack_strip(&self, first: usize, rows: usize, to: *mut u32) {
        let &Block { k, a, a_rows, a_cols, .. } = self.block;
        let depth = pairs(k);
        // SAFETY: the caller vouches for the room; `f32` and `u32` may hold any bits.
        let strip = unsafe { std::slice::from_raw_parts_mut(to, HIGHEST * depth) };
        let (used, rest) = strip.split_at_mut(rows * depth);
        for (i, row) in used.chunks_exact_mut(depth).enumerate() {
            // SAFETY: the caller vouches for A's rows, and whoever made the block for its columns.
            unsafe {
                let from = a.wrapping_add(a_rows.at(first + i));
                match a_cols {
                    RawOffsets::Stride(1) => fill(row, k, |c| *from.add(c)),
                    RawOffsets::Stride(step) => fill(row, k, |c| *from.add(c * step)),
                    RawOffsets::Table(table) => fill(row, k, |c| *from.add(*table.add(c) as usize)),
                }
            }
        }
        rest[..(rows.next_multiple_of(16).min(HIGHEST) - rows) * depth].fill(0);
    }

    /// What the f32 kernel does with its accumulators, with those of the stage.
    ///
    /// # Safety
    /// The stage must be filled, and C, bias and mask must have the rows and columns.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, simd: S, stage: *const f32, [row, col]: [usize; 2], [rows, cols]: [usize; 2]) {
        let Finish { add_c, bias, relu, mask } = self.finish;
        for j in (0..cols).step_by(S::LANES) {
            let lanes = S::LANES.min(cols - j);
            // SAFETY: `lanes` columns are left, and the caller vouches for the rows.
            unsafe {
                let bias = if bias.is_null() { simd.splat(0.0) } else { simd.load_first(bias.add(col + j), lanes) };
                for i in 0..rows {
                    let at = (row + i) * self.block.ldc + col + j;
                    let c = self.block.c.add(at);
                    let mut v = simd.load(stage.add(i * WIDTH + j));
                    if add_c {
                        v = simd.add(simd.load_first(c, lanes), v);
                    }
                    v = simd.add(v, bias);
                    if relu {
                        v = simd.max(simd.splat(0.0), v);
                    }
                    if !mask.is_null() {
                        v = simd.keep_where_positive(simd.load_first(mask.add(at), lanes), v);
                    }
                    simd.store_first(c, v, lanes);
                }
            }
        }
    }
}

/// Rows of a strip.
fn rows_of(way: Bf16) -> usize {
    match way {
        Bf16::Scalar => scalar::ROWS,
        #[cfg(target_arch = "x86_64")]
        Bf16::Avx512 => avx512::ROWS,
        #[cfg(target_arch = "x86_64")]
        Bf16::Amx => amx::ROWS,
    }
}

/// `stage[i, j] = Σₚ a[i, p] · b[p, j]` for a strip of A, whose rows are `depth` pairs long, and a panel of B.
///
/// # Safety
/// Both must be `depth` pairs deep, the strip filled up to 16 or 32 rows, and the stage [`HIGHEST`] by [`WIDTH`].
#[inline(always)]
unsafe fn multiply(way: Bf16, a: *const u32, b: *const u32, depth: usize, size: [usize; 2], stage: *mut f32) {
    // SAFETY: the caller vouches for the memory, and a way exists only where the processor has its instructions; the
    // tiles are configured by whoever holds `Tiles`.
    unsafe {
        match way {
            Bf16::Scalar => scalar::multiply(a, b, depth, size, stage),
            #[cfg(target_arch = "x86_64")]
            Bf16::Avx512 => avx512::multiply(a, b, depth, size, stage),
            #[cfg(target_arch = "x86_64")]
            Bf16::Amx => amx::multiply(a, b, depth, size, stage),
        }
    }
}

/// While it lives, this thread's tiles are configured, if the way needs them.
struct Tiles(Bf16);

impl Tiles {
    fn of(way: Bf16) -> Self {
        #[cfg(target_arch = "x86_64")]
        if way == Bf16::Amx {
            // SAFETY: the way exists only where the processor and the system offer tiles.
            unsafe { amx::configure() };
        }
        Tiles(way)
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        if self.0 == Bf16::Amx {
            // SAFETY: as above.
            unsafe { amx::release() };
        }
    }
}
