//! Matrix products, with the matrix A addressed so that a convolution is one too.
//!
//! The design is that of K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): panels
//! of B packed into the caches, a tile of C in registers. How a product is cut, and in which order its parts are summed,
//! depends on the shape and the instruction set alone, so the number of threads never changes a bit of the result.

use crate::Exec;
use crate::isa::Isa;
use crate::simd::{ALIGN_SLACK, Kernel, Shared, Simd, aligned, dispatch};

mod bf16;
mod block;
mod offsets;
mod pack;
mod plan;
mod tile;

pub(crate) use block::{Block, DEPTH, Gather, block_scratch, pack_whole, packed_whole};
pub use offsets::{OffsetTable, Offsets};
pub(crate) use pack::pack_b;
pub(crate) use plan::Plan;
pub(crate) use tile::{Ahead, Finish, Panels, RawOffsets, Strided};

/// The function applied to each element of a finished product.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Activation {
    /// x
    #[default]
    None,
    /// max(0, x)
    Relu,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

/// What becomes of the product P = A·B: `C = activation([C +] P + bias)`, then 0 wherever `mask` is not positive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// One value per column of C.
    pub bias: Option<&'a [f32]>,
    /// Applied after the bias.
    pub activation: Activation,
    /// Laid out as C; the result is kept where it is positive and 0 elsewhere. With the output of a relu as the mask this
    /// is the relu's gradient.
    pub mask: Option<&'a [f32]>,
    /// Whether C's old values are added to the product.
    pub accumulate: bool,
}

/// The product of A, `m` by `k`, and B, `k` by `n`.
#[derive(Clone, Copy, Debug)]
pub struct Gemm<'a> {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// Element (i, k) of A is `a[a_rows(i) + a_cols(k)]`.
    pub a: &'a [f32],
    /// Where A's rows begin.
    pub a_rows: Offsets<'a>,
    /// Where A's columns begin.
    pub a_cols: Offsets<'a>,
    /// Element (k, j) of B is `b[k * ldb + j]`, or `b[j * ldb + k]` if `b_transposed`.
    pub b: &'a [f32],
    /// Distance between the rows of B as it is stored.
    pub ldb: usize,
    /// Whether `b` holds the transpose of B.
    pub b_transposed: bool,
    /// What becomes of the product.
    pub epilogue: Epilogue<'a>,
}

impl Gemm<'_> {
    /// The pointers, once every slice is known to be long enough, and how `isa` multiplies.
    pub(crate) fn checked(&self, isa: Isa, c: &mut [f32], ldc: usize) -> Block {
        let &Gemm { m, n, k, .. } = self;
        let Epilogue { bias, activation, mask, accumulate } = self.epilogue;
        if m > 0 && n > 0 {
            assert!(n <= ldc && span(m, ldc, n) <= c.len(), "C is {m} by {n} with rows {ldc} apart, in {}", c.len());
            assert!(bias.is_none_or(|b| b.len() >= n), "the bias has fewer than {n} elements");
            assert!(mask.is_none_or(|mask| mask.len() >= span(m, ldc, n)), "the mask is shorter than C");
        }
        if m > 0 && n > 0 && k > 0 {
            let last = self.a_rows.greatest(m) + self.a_cols.greatest(k);
            assert!(last < self.a.len(), "A reaches element {last} of {}", self.a.len());
            let (rows, cols) = if self.b_transposed { (n, k) } else { (k, n) };
            let (ldb, len) = (self.ldb, self.b.len());
            assert!(span(rows, ldb, cols) <= len, "B is stored as {rows} by {cols} with rows {ldb} apart, in {len}");
        }
        let null = std::ptr::null();
        Block {
            m,
            n,
            k,
            a: self.a.as_ptr(),
            a_rows: self.a_rows.raw(),
            a_cols: self.a_cols.raw(),
            b: self.b.as_ptr(),
            ldb: self.ldb,
            b_transposed: self.b_transposed,
            b_packed: false,
            c: c.as_mut_ptr(),
            ldc,
            bias: bias.map_or(null, <[f32]>::as_ptr),
            activation,
            mask: mask.map_or(null, <[f32]>::as_ptr),
            accumulate,
            ahead: Ahead::NOTHING,
            bf16: isa.bf16(),
        }
    }
}

/// Elements from the first of a matrix to its last; neither dimension is 0.
fn span(rows: usize, ld: usize, cols: usize) -> usize {
    (rows - 1) * ld + cols
}

/// Floats of scratch that [`gemm`] needs for a product of this shape.
pub fn gemm_scratch(m: usize, n: usize, k: usize, threads: usize) -> usize {
    let plan = Plan::new(m, n, k, threads);
    plan.partials() + threads * plan.scratch() + ALIGN_SLACK
}

/// Computes `g` into `c`, whose rows are `ldc` apart. `scratch` has [`gemm_scratch`] floats.
///
/// # Panics
/// If a slice is too short for the shape.
pub fn gemm(exec: Exec<'_>, g: &Gemm<'_>, c: &mut [f32], ldc: usize, scratch: &mut [f32]) {
    let block = g.checked(exec.isa, c, ldc);
    if g.m == 0 || g.n == 0 {
        return;
    }
    let plan = Plan::new(g.m, g.n, g.k, exec.pool.threads());
    let needed = gemm_scratch(g.m, g.n, g.k, exec.pool.threads());
    assert!(scratch.len() >= needed, "the scratch has {} of {needed} floats", scratch.len());
    let (partials, workers) = aligned(scratch).split_at_mut(plan.partials());
    // SAFETY: `checked` has compared every slice with the shape; the scratch is as long as `gemm_scratch` says.
    unsafe { run(exec, &plan, block, Shared::new(partials), Shared::new(workers)) }
}

/// Multiply-adds of a product that is small: handing out its parts would cost more than they gain.
const SMALL: usize = 1 << 21;

/// Floats of scratch that [`gemm_batched`] needs for products of this shape.
pub fn gemm_batched_scratch(m: usize, n: usize, k: usize, threads: usize) -> usize {
    let small = threads * Plan::new(m, n, k, 1).scratch() + ALIGN_SLACK;
    small.max(gemm_scratch(m, n, k, threads))
}

/// `batches` products of one shape: those of `g`, then each `steps` further on in A and B. The results, and the mask if
/// there is one, lie one after another. Small products run beside one another, one to a thread; each has the bits that it
/// has alone. `scratch` has [`gemm_batched_scratch`] floats.
///
/// # Panics
/// If a slice is too short for the shape.
pub fn gemm_batched(
    exec: Exec<'_>,
    g: &Gemm<'_>,
    batches: usize,
    steps: [usize; 2],
    c: &mut [f32],
    scratch: &mut [f32],
) {
    let (size, threads) = (g.m * g.n, exec.pool.threads());
    if size == 0 {
        return;
    }
    let of = |batch: usize| {
        let mask = g.epilogue.mask.map(|mask| &mask[batch * size..]);
        let (a, b) = (&g.a[batch * steps[0]..], &g.b[batch * steps[1]..]);
        Gemm { a, b, epilogue: Epilogue { mask, ..g.epilogue }, ..*g }
    };
    let plan = Plan::new(g.m, g.n, g.k, 1);
    if batches == 1 || plan.slices != 1 || size * g.k > SMALL {
        for (batch, c) in c.chunks_exact_mut(size).take(batches).enumerate() {
            gemm(exec, &of(batch), c, g.n, scratch);
        }
        return;
    }
    let needed = gemm_batched_scratch(g.m, g.n, g.k, threads);
    assert!(scratch.len() >= needed, "the scratch has {} of {needed} floats", scratch.len());
    assert!(c.len() >= batches * size, "C has {} elements for {batches} products of {size}", c.len());
    let (c, workers) = (Shared::new(c), Shared::new(aligned(scratch)));
    exec.pool.run(batches, |batch, worker| {
        // SAFETY: C is long enough, and every product has its own part.
        let block = of(batch).checked(exec.isa, unsafe { c.slice(batch * size, size) }, g.n);
        let scratch = workers.offset(worker * plan.scratch()).ptr();
        for task in 0..plan.tasks() {
            let (_, rows, cols, ks) = plan.task(task);
            dispatch(exec.isa, Run { block: block.part(rows, cols, ks), scratch });
        }
    });
}

/// Runs the tasks of a plan, then sums its slices.
///
/// # Safety
/// The block's pointers must be valid, `partials` and `workers` as long as the plan says.
unsafe fn run(exec: Exec<'_>, plan: &Plan, block: Block, partials: Shared, workers: Shared) {
    let per_slice = block.m * block.n;
    exec.pool.run(plan.tasks(), |task, worker| {
        let (slice, rows, cols, ks) = plan.task(task);
        let mut part = block;
        if plan.slices != 1 {
            part = block.plain(partials.ptr().wrapping_add(slice * per_slice), block.n);
        }
        let scratch = workers.ptr().wrapping_add(worker * plan.scratch());
        dispatch(exec.isa, Run { block: part.part(rows, cols, ks), scratch });
    });
    if plan.slices != 1 {
        Gather { block, partials: partials.ptr(), ld: block.n, stride: per_slice, slices: plan.slices }.run_all(exec);
    }
}

/// Runs a block.
pub(crate) struct Run {
    /// Its pointers are valid.
    pub(crate) block: Block,
    /// Long enough for the block.
    pub(crate) scratch: *mut f32,
}

impl Kernel for Run {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: see the fields.
        unsafe { self.block.run(simd, self.scratch) }
    }
}
