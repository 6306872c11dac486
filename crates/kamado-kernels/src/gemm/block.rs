//! One task: a product small enough for one core, cut along the depth so that its operands stay in the caches.

use std::ops::Range;

use crate::Exec;
use crate::isa::Bf16;
use crate::simd::{Kernel, Shared, Simd, dispatch};
use crate::transcendental::{sigmoid, tanh};

use super::Activation;
use super::bf16;
use super::pack::{CHUNK, pack_a, pack_b, packed_a};
use super::tile::{Ahead, Columns, Finish, Panels, RawOffsets, Strided, Tabled, Together};

/// Greatest depth of a packed panel: a strip of A this deep fills less than half of a 32 KiB level-1 cache. A itself is
/// packed only if it is read across its rows: elsewhere that measured no faster, and slower where B is narrow.
pub(crate) const DEPTH: usize = 512;
/// Greatest number of columns of a task: `DEPTH` rows of them fill half of a 512 KiB level-2 cache.
pub(crate) const COLUMNS: usize = 128;
/// Up to this many strips of rows, reading B where it lies is cheaper than packing it.
const DIRECT_B_STRIPS: usize = 2;

/// From this depth on, an A whose columns lie far apart is packed: each of its elements is in another cache line, and a
/// power of two between them puts them all in a few sets of the cache.
const DEEP: usize = 160;
/// Floats between columns that are far apart.
const FAR: usize = 32;

/// Columns of a whole B that one task packs: whole panels, whatever the instruction set.
const PACKED: usize = 64;

/// Values that one task adds up in a [`Gather`].
const GATHER: usize = 1 << 15;

/// Floats of scratch that a task of `n <= COLUMNS` columns and depth `k` needs, whatever the instruction set.
pub(crate) fn block_scratch(n: usize, k: usize) -> usize {
    let depth = k.min(DEPTH);
    (n.next_multiple_of(32) * depth + packed_a(depth)).max(bf16::scratch(n, k))
}

/// Pieces of at most [`DEPTH`] that a depth is cut into.
fn pieces(k: usize) -> usize {
    k.div_ceil(DEPTH).max(1)
}

fn piece_of(k: usize, piece: usize) -> Range<usize> {
    k * piece / pieces(k)..k * (piece + 1) / pieces(k)
}

/// Floats of a whole B of `k` rows and `n` columns, packed for [`Block::b_packed`].
pub(crate) fn packed_whole(k: usize, n: usize) -> usize {
    (k * n.next_multiple_of(32)).max(pieces(k) * packed_piece(k, n))
}

/// Floats of each piece of a whole B packed as bfloat16 numbers.
fn packed_piece(k: usize, n: usize) -> usize {
    bf16::packed(k.div_ceil(pieces(k)), n)
}

/// Packs a whole B; see [`Block`] for `ldb` and `transposed`.
///
/// # Safety
/// B must be readable, and `dst` must have room for [`packed_whole`] floats.
pub(crate) unsafe fn pack_whole(
    exec: Exec<'_>,
    b: *const f32,
    ldb: usize,
    transposed: bool,
    k: usize,
    n: usize,
    dst: Shared,
) {
    let groups = n.div_ceil(PACKED).max(1);
    let whole = PackPiece { b, ldb, transposed, k, n, piece: 0, cols: 0..n, bf16: exec.isa.bf16().is_some(), dst };
    exec.pool.run(pieces(k) * groups, |task, _| {
        let first = task % groups * PACKED;
        let cols = first..n.min(first + PACKED);
        dispatch(exec.isa, PackPiece { piece: task / groups, cols, ..whole.clone() });
    });
}

/// Some columns of one piece of the depth.
#[derive(Clone)]
struct PackPiece {
    b: *const f32,
    ldb: usize,
    transposed: bool,
    k: usize,
    n: usize,
    piece: usize,
    cols: Range<usize>,
    bf16: bool,
    dst: Shared,
}

// SAFETY: B is only read.
unsafe impl Sync for PackPiece {}

impl Kernel for PackPiece {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let PackPiece { b, ldb, transposed, k, n, piece, cols, bf16, dst } = self;
        let ks = piece_of(k, piece);
        let (k_step, n_step) = if transposed { (1, ldb) } else { (ldb, 1) };
        let b = b.wrapping_add(ks.start * k_step + cols.start * n_step);
        if bf16 {
            let at = packed_piece(k, n) * piece + bf16::packed(ks.len(), cols.start);
            // SAFETY: `pack_whole`'s caller vouches for both.
            return unsafe { bf16::pack_b(b, ldb, transposed, ks.len(), cols.len(), dst.ptr().wrapping_add(at)) };
        }
        let at = n.next_multiple_of(2 * S::LANES) * ks.start + cols.start * ks.len();
        // SAFETY: as above.
        unsafe { pack_b(simd, b, ldb, transposed, ks.len(), cols.len(), dst.ptr().wrapping_add(at)) };
    }
}

/// `C = finish(A · B)`: the pointers and strides behind a [`super::Gemm`] or a part of one.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) a: *const f32,
    pub(crate) a_rows: RawOffsets,
    pub(crate) a_cols: RawOffsets,
    pub(crate) b: *const f32,
    pub(crate) ldb: usize,
    pub(crate) b_transposed: bool,
    /// B is one whole matrix packed by [`pack_whole`].
    pub(crate) b_packed: bool,
    pub(crate) c: *mut f32,
    pub(crate) ldc: usize,
    /// Null, or one value per column.
    pub(crate) bias: *const f32,
    pub(crate) activation: Activation,
    /// Null, or laid out as C.
    pub(crate) mask: *const f32,
    pub(crate) accumulate: bool,
    pub(crate) ahead: Ahead,
    /// How to multiply, if A and B hold bfloat16 numbers.
    pub(crate) bf16: Option<Bf16>,
}

// SAFETY: a block is only run by a task that owns its part of C; A, B, bias and mask are read.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// The part that computes rows `rows` and columns `cols` of C from depth `ks`.
    pub(crate) fn part(&self, rows: Range<usize>, cols: Range<usize>, ks: Range<usize>) -> Block {
        let (a, a_rows) = advance(self.a, self.a_rows, rows.start);
        let (a, a_cols) = advance(a, self.a_cols, ks.start);
        let (k_step, n_step) = if self.b_transposed { (1, self.ldb) } else { (self.ldb, 1) };
        let at = rows.start * self.ldc + cols.start;
        Block {
            m: rows.len(),
            n: cols.len(),
            k: ks.len(),
            a,
            a_rows,
            a_cols,
            b: self.b.wrapping_add(ks.start * k_step + cols.start * n_step),
            c: self.c.wrapping_add(at),
            bias: plus(self.bias, cols.start),
            mask: plus(self.mask, at),
            ..*self
        }
    }

    /// The same for other rows, whose offsets count from `a`, and from column `column` of B on; their place in C, the
    /// mask and the bias is `at` and `column` further on.
    pub(crate) fn moved(&self, m: usize, a: *const f32, column: usize, at: usize) -> Block {
        Block {
            m,
            a,
            b: self.b.wrapping_add(column * if self.b_transposed { self.ldb } else { 1 }),
            c: self.c.wrapping_add(at),
            bias: plus(self.bias, column),
            mask: plus(self.mask, at),
            ..*self
        }
    }

    /// The same product, as it is, in another place.
    pub(crate) fn plain(&self, c: *mut f32, ldc: usize) -> Block {
        let null = std::ptr::null();
        Block { c, ldc, bias: null, mask: null, activation: Activation::None, accumulate: false, ..*self }
    }

    /// Computes it.
    ///
    /// # Safety
    /// The pointers must be valid for the shape, C for writing, and `scratch` for [`block_scratch`] floats.
    #[inline(always)]
    pub(crate) unsafe fn run<S: Simd>(&self, simd: S, scratch: *mut f32) {
        let pieces = pieces(self.k);
        let width = 2 * S::LANES;
        let few = self.m.div_ceil(S::TILE_ROWS) <= DIRECT_B_STRIPS;
        let direct = few && !self.b_transposed && !self.b_packed && self.n.is_multiple_of(width);
        for piece in 0..pieces {
            let ks = piece_of(self.k, piece);
            let last = piece + 1 == pieces;
            let mut part = self.part(0..self.m, 0..self.n, ks.clone());
            part.accumulate = self.accumulate || piece > 0;
            if let Some(way) = self.bf16 {
                let at = self.b.wrapping_add(packed_piece(self.k, self.n) * piece);
                let packed = if self.b_packed { at } else { std::ptr::null() };
                simd.vectorize(bf16::Piece { block: &part, way, finish: part.finish(last), packed, scratch });
                continue;
            }
            let b = if direct {
                (part.b, part.ldb, width)
            } else if self.b_packed {
                (self.b.wrapping_add(self.n.next_multiple_of(width) * ks.start), width, width * part.k)
            } else {
                // SAFETY: B's part is readable, and the scratch begins with room for its panels.
                unsafe { pack_b(simd, part.b, part.ldb, part.b_transposed, part.k, part.n, scratch) };
                (scratch.cast_const(), width, width * part.k)
            };
            match part.a_cols {
                RawOffsets::Stride(stride) if part.across(stride) => {
                    let space = scratch.wrapping_add(self.n.next_multiple_of(32) * self.k.min(DEPTH));
                    // SAFETY: behind the room for B's panels there is that for a chunk of A.
                    unsafe { part.packed_strips(simd, stride, b, last, space) };
                }
                RawOffsets::Stride(1) => part.panels(simd, Together, b, last),
                RawOffsets::Stride(stride) => part.panels(simd, Strided(stride), b, last),
                RawOffsets::Table(table) => part.panels(simd, Tabled(table), b, last),
            }
        }
        if self.transcendental() {
            // SAFETY: the rows are those just written.
            unsafe { activate(self) };
        }
    }

    /// Whether A is better packed.
    fn across(&self, stride: usize) -> bool {
        matches!(self.a_rows, RawOffsets::Stride(1)) && stride >= FAR && self.k >= DEEP
    }

    /// As [`Block::panels`], with A packed by chunks of rows.
    ///
    /// # Safety
    /// `space` must have room for [`packed_a`] floats.
    #[inline(always)]
    unsafe fn packed_strips<S: Simd>(
        &self,
        simd: S,
        stride: usize,
        b: (*const f32, usize, usize),
        last: bool,
        space: *mut f32,
    ) {
        let height = S::TILE_ROWS;
        for chunk in (0..self.m).step_by(CHUNK) {
            let end = self.m.min(chunk + CHUNK);
            // SAFETY: these rows are A's, and the caller vouches for the space.
            unsafe { pack_a(simd, self.a.add(chunk), stride, end - chunk, self.k, space) };
            for (strip, row) in (chunk..end).step_by(height).enumerate() {
                let part = self.part(row..end.min(row + height), 0..self.n, 0..self.k);
                let a = space.wrapping_add(strip * height * self.k).cast_const();
                Block { a, ahead: Ahead::NOTHING, ..part }.panels(simd, Strided(height), b, last);
            }
        }
    }

    fn transcendental(&self) -> bool {
        matches!(self.activation, Activation::Sigmoid | Activation::Tanh)
    }

    /// What becomes of the sums of a piece of the depth.
    fn finish(&self, last: bool) -> Finish {
        let at = |p: *const f32| if last { p } else { std::ptr::null() };
        Finish {
            add_c: self.accumulate,
            bias: at(self.bias),
            relu: last && self.activation == Activation::Relu,
            mask: if self.transcendental() { std::ptr::null() } else { at(self.mask) },
        }
    }

    /// Multiplies with the panels of B: the first, the distance of their rows, and the distance to the next panel.
    #[inline(always)]
    fn panels<S: Simd, C: Columns>(&self, simd: S, cols: C, b: (*const f32, usize, usize), last: bool) {
        let ((b, b_step, b_next), finish) = (b, self.finish(last));
        let Block { m, n, k, a, a_rows, c, ldc, ahead, .. } = *self;
        simd.vectorize(Panels { a, rows: a_rows, cols, b, b_step, b_next, c, ldc, m, n, k, finish, ahead });
    }
}

fn plus(p: *const f32, by: usize) -> *const f32 {
    if p.is_null() { p } else { p.wrapping_add(by) }
}

fn advance(a: *const f32, offsets: RawOffsets, by: usize) -> (*const f32, RawOffsets) {
    match offsets {
        RawOffsets::Stride(stride) => (a.wrapping_add(by * stride), offsets),
        RawOffsets::Table(table) => (a, RawOffsets::Table(table.wrapping_add(by))),
    }
}

/// Sigmoid or tanh, then the mask, of a block that holds the sums and the bias.
///
/// # Safety
/// The block's C must be writable and its mask readable.
#[inline(always)]
unsafe fn activate(block: &Block) {
    for row in 0..block.m {
        // SAFETY: the caller vouches for m rows of n elements.
        let c = unsafe { std::slice::from_raw_parts_mut(block.c.add(row * block.ldc), block.n) };
        match block.activation {
            Activation::Sigmoid => c.iter_mut().for_each(|v| *v = sigmoid(*v)),
            _ => c.iter_mut().for_each(|v| *v = tanh(*v)),
        }
        if !block.mask.is_null() {
            // SAFETY: the mask is laid out as C.
            let mask = unsafe { std::slice::from_raw_parts(block.mask.add(row * block.ldc), block.n) };
            c.iter_mut().zip(mask).for_each(|(v, mask)| *v = if *mask > 0.0 { *v } else { 0.0 });
        }
    }
}

/// `C = finish(Σ partials)`: adds `slices` products of `m * n`, one after another, in their order.
///
/// # Safety
/// The block's C, bias and mask must be valid, and the partials for `slices` times `stride` floats.
pub(crate) struct Gather {
    pub(crate) block: Block,
    pub(crate) partials: *const f32,
    pub(crate) ld: usize,
    pub(crate) stride: usize,
    pub(crate) slices: usize,
}

// SAFETY: the partials are only read, and C is written by rows.
unsafe impl Sync for Gather {}

impl Gather {
    /// Runs it on all threads.
    pub(crate) fn run_all(&self, exec: Exec<'_>) {
        let block = &self.block;
        let rows = (GATHER / (block.n * self.slices.max(1)).max(1)).max(1);
        exec.pool.run(block.m.div_ceil(rows), |task, _| {
            let first = task * rows;
            let block = block.part(first..block.m.min(first + rows), 0..block.n, 0..0);
            let partials = self.partials.wrapping_add(first * self.ld);
            dispatch(exec.isa, Gather { block, partials, ..*self });
        });
    }
}

impl Kernel for Gather {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let block = &self.block;
        for row in 0..block.m {
            // SAFETY: whoever made it vouches for m rows of n elements everywhere.
            let at = |p: *const f32| unsafe { std::slice::from_raw_parts(p, block.n) };
            // SAFETY: as above.
            let c = unsafe { std::slice::from_raw_parts_mut(block.c.add(row * block.ldc), block.n) };
            if !block.accumulate {
                c.fill(0.0);
            }
            for slice in 0..self.slices {
                let partial = at(self.partials.wrapping_add(slice * self.stride + row * self.ld));
                c.iter_mut().zip(partial).for_each(|(c, p)| *c += p);
            }
            if !block.bias.is_null() {
                c.iter_mut().zip(at(block.bias)).for_each(|(c, b)| *c += b);
            }
            if block.activation == Activation::Relu {
                c.iter_mut().for_each(|c| *c = if 0.0 > *c { 0.0 } else { *c });
            }
            if !block.mask.is_null() && !block.transcendental() {
                let mask = at(block.mask.wrapping_add(row * block.ldc));
                c.iter_mut().zip(mask).for_each(|(v, mask)| *v = if *mask > 0.0 { *v } else { 0.0 });
            }
        }
        if block.transcendental() {
            // SAFETY: the rows are those just written.
            unsafe { activate(block) };
        }
    }
}
