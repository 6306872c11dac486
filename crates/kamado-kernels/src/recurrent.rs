//! Recurrent layers: a step is a product with the recurrent kernel and the cell's elementwise formulas, both while the state
//! is in the caches.
//!
//! The input's share of the gates comes in as `z`, computed for all steps at once. The recurrent kernel is packed once for a
//! sequence. A task owns some examples for all their steps, so threads never wait for each other between steps; an example's
//! numbers do not depend on its task, so neither do they on the number of threads.
//! The cells' formulas are those of Keras 3, gates in its order; see [`Cell`].

mod activation;
mod backward;
mod cell;
mod forward;
mod kernel_grad;

pub use backward::{BackwardOperands, BackwardResults, backward, backward_scratch};
pub use forward::{ForwardOperands, ForwardResults, forward, forward_scratch};
pub use kernel_grad::{inner_grad, kernel_grad, kernel_grad_scratch};

use std::ops::Range;

use crate::Exec;
use crate::gemm::{Activation, Ahead, Block, RawOffsets, pack_whole, packed_whole};
use crate::isa::Bf16;
use crate::simd::Shared;

/// A cell: how a step changes the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// `[i f g o] = [σ σ tanh σ](z + h·U)`, `c' = f⊙c + i⊙g`, `h' = o⊙tanh c'`.
    Lstm,
    /// `u, r = σ(z + h·U + b)`, `n = tanh(z + r⊙(h·U + b))`, `h' = u⊙h + (1 - u)⊙n`.
    GruResetAfter,
    /// `u, r = σ(z + h·U)`, `n = tanh(z + (r⊙h)·U)`, `h' = u⊙h + (1 - u)⊙n`.
    GruResetBefore,
    /// `h' = tanh(z + h·U)`.
    Tanh,
    /// `h' = max(0, z + h·U)`.
    Relu,
}

impl Cell {
    /// Gates, by which `z` and U are wider than the state.
    pub fn gates(self) -> usize {
        match self {
            Cell::Lstm => 4,
            Cell::GruResetAfter | Cell::GruResetBefore => 3,
            Cell::Tanh | Cell::Relu => 1,
        }
    }

    /// Vectors that the tape keeps of a step: i f g o c h; u r n (h·U + b) h; u r n h; h.
    pub fn tape(self) -> usize {
        match self {
            Cell::Lstm => 6,
            Cell::GruResetAfter => 5,
            Cell::GruResetBefore => 4,
            Cell::Tanh | Cell::Relu => 1,
        }
    }

    /// The gates whose product with U must be known before the others' can begin.
    fn first_gates(self) -> usize {
        if self == Cell::GruResetBefore { 2 } else { self.gates() }
    }
}

/// The sizes of a recurrent layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecurrentShape {
    /// The cell.
    pub cell: Cell,
    /// Examples.
    pub batch: usize,
    /// Steps of each example.
    pub steps: usize,
    /// The width H of the state.
    pub units: usize,
    /// Whether the last step comes first.
    pub go_backwards: bool,
}

/// Examples that one task takes at most: their state, gates and the kernel fit the level-2 cache together.
const MOST_ROWS: usize = 24;

impl RecurrentShape {
    /// Gates of a step, in floats.
    fn width(&self) -> usize {
        self.cell.gates() * self.units
    }

    /// The tape of a step, in floats.
    fn record(&self) -> usize {
        self.cell.tape() * self.units
    }

    fn sequence(&self, width: usize) -> usize {
        self.batch * self.steps * width
    }

    /// When step `s` of the run takes place.
    fn time(&self, s: usize) -> usize {
        if self.go_backwards { self.steps - 1 - s } else { s }
    }

    /// Examples of each task but the last.
    fn rows(&self, threads: usize) -> usize {
        let each = self.batch.div_ceil(threads.max(1)).max(1);
        each.div_ceil(each.div_ceil(MOST_ROWS))
    }

    fn tasks(&self, threads: usize) -> usize {
        self.batch.div_ceil(self.rows(threads))
    }

    /// The examples of a task.
    fn examples(&self, task: usize, threads: usize) -> Range<usize> {
        let rows = self.rows(threads);
        task * rows..self.batch.min((task + 1) * rows)
    }

    fn check(&self, what: &str, len: usize, expected: usize) {
        assert_eq!(len, expected, "the length of {what} for {self:?}");
    }

    fn check_option(&self, what: &str, slice: Option<&[f32]>, expected: usize) {
        self.check(what, slice.map_or(expected, <[f32]>::len), expected);
    }
}

/// A matrix packed for products from the right.
#[derive(Clone, Copy)]
struct Packed {
    data: Shared,
    k: usize,
    n: usize,
    bf16: Option<Bf16>,
}

impl Packed {
    fn len(k: usize, n: usize) -> usize {
        packed_whole(k, n)
    }

    /// Packs `k` rows and `n` columns of a matrix stored from `b` on with rows `ldb` apart, or of its transpose.
    ///
    /// # Safety
    /// The matrix must be readable, and `data` have room for [`Packed::len`] floats.
    unsafe fn new(
        exec: Exec<'_>,
        b: *const f32,
        ldb: usize,
        transposed: bool,
        k: usize,
        n: usize,
        data: Shared,
    ) -> Self {
        // SAFETY: the caller vouches for both.
        unsafe { pack_whole(exec, b, ldb, transposed, k, n, data) };
        Packed { data, k, n, bf16: exec.isa.bf16() }
    }

    /// `c = a · self [+ bias]`, or `c += a · self`, of `m` rows.
    fn product(&self, m: usize, (a, lda): (*const f32, usize), (c, ldc): (*mut f32, usize)) -> Block {
        Block {
            m,
            n: self.n,
            k: self.k,
            a,
            a_rows: RawOffsets::Stride(lda),
            a_cols: RawOffsets::Stride(1),
            b: self.data.ptr(),
            ldb: 0,
            b_transposed: false,
            b_packed: true,
            c,
            ldc,
            bias: std::ptr::null(),
            activation: Activation::None,
            mask: std::ptr::null(),
            accumulate: false,
            ahead: Ahead::NOTHING,
            bf16: self.bf16,
        }
    }
}
