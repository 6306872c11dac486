//! The backward pass of a dense layer and its optimiser's step, in one pass over the weights.
//!
//! For each block of rows of W, small enough for the level-2 cache: dX = dY·Wᵀ with the weights as they were, then
//! dW = Xᵀ·dY, then the update. The gradient of W never goes to memory, and W and its slots are read and written once.

use crate::Exec;
use crate::gemm::{Activation, Ahead, Block, RawOffsets, block_scratch, pack_whole, packed_whole};
use crate::isa::Bf16;
use crate::simd::{ALIGN_SLACK, Kernel, Shared, Simd, aligned, dispatch};
use crate::update_rule::{Apply, Parameter, UpdateRule, Weights};

/// Floats of W, its slots and its gradient in a block: half of a 512 KiB level-2 cache.
const BLOCK: usize = 1 << 16;
/// A block is at least this high, so that there is something to multiply, and at most [`MOST_ROWS`].
const FEW_ROWS: usize = 32;
const MOST_ROWS: usize = 128;
/// Whole strips and whole panels on every instruction set: the better height where it fits.
const WHOLE_ROWS: usize = 48;
/// Multiply-adds that are worth a task of their own.
const TASK: usize = 1 << 19;

/// A dense layer Y = X·W + b in the backward pass.
#[derive(Clone, Copy, Debug)]
pub struct DenseUpdate<'a> {
    /// Rows of X and dY.
    pub batch: usize,
    /// Columns of X, rows of W.
    pub inputs: usize,
    /// Columns of W and dY.
    pub outputs: usize,
    /// The layer's input, `[batch, inputs]`.
    pub x: &'a [f32],
    /// The gradient of its output (before any activation), `[batch, outputs]`.
    pub dy: &'a [f32],
    /// `[batch, inputs]`: dX is kept where it is positive and 0 elsewhere. With `x` itself, where that is the output of
    /// a relu, this is the relu's gradient.
    pub mask: Option<&'a [f32]>,
    /// The optimiser's rule.
    pub rule: UpdateRule,
}

/// Rows of W in a block.
fn block_rows(batch: usize, inputs: usize, outputs: usize) -> usize {
    let cached = (BLOCK / 4 / outputs.max(1)).clamp(FEW_ROWS, MOST_ROWS);
    let tasks = (2 * batch * inputs * outputs / TASK).max(1);
    let few = if cached < WHOLE_ROWS { FEW_ROWS } else { WHOLE_ROWS };
    cached.min(inputs.div_ceil(tasks).max(few)).next_multiple_of(few)
}

/// How the rows of W are cut into blocks: whole ones, then halves if whole ones would not come out even.
#[derive(Clone, Copy)]
struct Cut {
    inputs: usize,
    rows: usize,
    whole: usize,
    blocks: usize,
}

impl Cut {
    fn new(inputs: usize, rows: usize, threads: usize) -> Self {
        let blocks = inputs.div_ceil(rows);
        if blocks.is_multiple_of(threads) {
            return Cut { inputs, rows, whole: blocks, blocks };
        }
        let halves = inputs.div_ceil(rows / 2);
        let whole = halves.saturating_sub(2 * threads) / 2;
        Cut { inputs, rows, whole, blocks: halves - whole }
    }

    fn block(&self, index: usize) -> std::ops::Range<usize> {
        let start = |index: usize| {
            let halves = index + index.min(self.whole);
            (halves * self.rows / 2).min(self.inputs)
        };
        start(index)..start(index + 1)
    }
}

/// Floats that one worker needs: the gradient of a block, and the packing of its two products.
fn worker_scratch(batch: usize, inputs: usize, outputs: usize) -> usize {
    let rows = block_rows(batch, inputs, outputs);
    (rows * outputs).next_multiple_of(16) + block_scratch(rows, outputs).max(block_scratch(outputs, batch))
}

/// Floats of scratch that [`dense_update`] needs.
pub fn dense_update_scratch(batch: usize, inputs: usize, outputs: usize, threads: usize) -> usize {
    let bias = outputs.next_multiple_of(16);
    packed_whole(batch, outputs) + bias + threads * worker_scratch(batch, inputs, outputs) + ALIGN_SLACK
}

/// Updates `w`, `[inputs, outputs]`, by dW = Xᵀ·dY and `bias`, `[outputs]`, by the sums of dY's columns; writes
/// dX = dY·Wᵀ of the weights before the update into `dx`, `[batch, inputs]`. `scratch` has [`dense_update_scratch`]
/// floats.
///
/// # Panics
/// If a slice does not have the length of its shape.
pub fn dense_update(
    exec: Exec<'_>,
    layer: &DenseUpdate<'_>,
    mut w: Parameter<'_>,
    bias: Option<Parameter<'_>>,
    dx: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    let &DenseUpdate { batch, inputs, outputs, x, dy, mask, rule } = layer;
    assert_eq!(x.len(), batch * inputs, "x is [batch, inputs]");
    assert_eq!(dy.len(), batch * outputs, "dy is [batch, outputs]");
    assert!(dx.as_ref().is_none_or(|dx| dx.len() == batch * inputs), "dx is [batch, inputs]");
    assert!(mask.is_none_or(|mask| mask.len() == batch * inputs), "the mask is [batch, inputs]");
    let weights = w.checked(rule.slots(), inputs * outputs);
    let needed = dense_update_scratch(batch, inputs, outputs, exec.pool.threads());
    assert!(scratch.len() >= needed, "the scratch has {} of {needed} floats", scratch.len());

    let (packed, rest) = aligned(scratch).split_at_mut(packed_whole(batch, outputs));
    let (db, workers) = rest.split_at_mut(outputs.next_multiple_of(16));
    if let Some(mut bias) = bias {
        let weights = bias.checked(rule.slots(), outputs);
        dispatch(exec.isa, BiasUpdate { dy, db: &mut db[..outputs], weights, rule });
    }
    // SAFETY: dy is batch rows of outputs, and `packed` has room for whole panels of them.
    unsafe { pack_whole(exec, dy.as_ptr(), outputs, false, batch, outputs, Shared::new(packed)) };
    let null = std::ptr::null();
    let task = Task {
        layer: *layer,
        rows: 0..0,
        stride: block_rows(batch, inputs, outputs) * exec.pool.threads(),
        weights,
        mask: mask.map_or(null, <[f32]>::as_ptr),
        dx: dx.map(Shared::new),
        packed: Shared::new(packed),
        bf16: exec.isa.bf16(),
        scratch: Shared::new(workers),
    };
    let cut = Cut::new(inputs, block_rows(batch, inputs, outputs), exec.pool.threads());
    let per_worker = worker_scratch(batch, inputs, outputs);
    exec.pool.run(cut.blocks, |block, worker| {
        let rows = cut.block(block);
        let scratch = task.scratch.offset(worker * per_worker);
        dispatch(exec.isa, Task { rows, scratch, ..task.clone() });
    });
}

/// The work on one block of rows of W; lengths have been checked.
#[derive(Clone)]
struct Task<'a> {
    layer: DenseUpdate<'a>,
    rows: std::ops::Range<usize>,
    /// Rows from a worker's block to its next.
    stride: usize,
    weights: Weights,
    mask: *const f32,
    dx: Option<Shared>,
    packed: Shared,
    bf16: Option<Bf16>,
    scratch: Shared,
}

// SAFETY: the mask is only read.
unsafe impl Sync for Task<'_> {}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let DenseUpdate { batch, inputs, outputs, x, dy, rule, .. } = self.layer;
        let (first, rows) = (self.rows.start, self.rows.len());
        let tile = self.scratch.ptr();
        let scratch = tile.wrapping_add((rows * outputs).next_multiple_of(16));
        let product = Block {
            m: rows,
            n: outputs,
            k: batch,
            a: x.as_ptr().wrapping_add(first),
            a_rows: RawOffsets::Stride(1),
            a_cols: RawOffsets::Stride(inputs),
            b: self.packed.ptr(),
            ldb: 0,
            b_transposed: false,
            b_packed: true,
            c: tile,
            ldc: outputs,
            bias: std::ptr::null(),
            activation: Activation::None,
            mask: std::ptr::null(),
            accumulate: false,
            ahead: Ahead::NOTHING,
            bf16: self.bf16,
        };
        let (start, len) = (first * outputs, rows * outputs);
        let slot = |i: usize| self.weights.slots[i].ptr().wrapping_add(start).cast_const();
        let slots = match rule.slots() {
            0 => Ahead::NOTHING,
            1 => Ahead { parts: [slot(0); 2], len },
            _ => Ahead { parts: [slot(0), slot(1)], len },
        };
        // The block that this worker will most likely do next.
        let next_w = self.weights.value.ptr().wrapping_add((first + self.stride) * outputs).cast_const();
        let next = Ahead { parts: [next_w; 2], len };
        let product = Block { ahead: if self.dx.is_some() { next } else { slots }, ..product };
        if let Some(dx) = self.dx {
            let dx = Block {
                m: batch,
                n: rows,
                k: outputs,
                a: dy.as_ptr(),
                a_rows: RawOffsets::Stride(outputs),
                a_cols: RawOffsets::Stride(1),
                b: self.weights.value.ptr().wrapping_add(first * outputs),
                ldb: outputs,
                b_transposed: true,
                b_packed: false,
                c: dx.ptr().wrapping_add(first),
                ldc: inputs,
                mask: if self.mask.is_null() { self.mask } else { self.mask.wrapping_add(first) },
                ahead: slots,
                ..product
            };
            // SAFETY: the lengths have been checked; only this task writes these columns of dX.
            unsafe { dx.run(simd, scratch) };
        }
        // SAFETY: the lengths have been checked; the tile is this worker's.
        unsafe { product.run(simd, scratch) };
        simd.vectorize(Apply { weights: self.weights, rule, start, g: tile, len });
    }
}

/// The update of a bias by the sums of dY's columns.
struct BiasUpdate<'a> {
    dy: &'a [f32],
    db: &'a mut [f32],
    weights: Weights,
    rule: UpdateRule,
}

impl Kernel for BiasUpdate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.db.fill(0.0);
        for row in self.dy.chunks_exact(self.db.len().max(1)) {
            self.db.iter_mut().zip(row).for_each(|(sum, dy)| *sum += dy);
        }
        let (g, len) = (self.db.as_ptr(), self.db.len());
        simd.vectorize(Apply { weights: self.weights, rule: self.rule, start: 0, g, len });
    }
}
