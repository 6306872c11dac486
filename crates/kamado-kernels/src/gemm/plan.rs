//! How a product is cut into tasks.
//!
//! Cutting rows and columns changes no bit of the result, so it may follow the number of threads; cutting the depth
//! changes the order of the sums, so it follows the shape alone.

use std::ops::Range;

use super::block::{COLUMNS, block_scratch};

/// Multiply-adds that are worth a task of their own.
const TASK: usize = 1 << 18;
/// Tasks for each thread, so that a thread that the system interrupts does not hold up all others.
const TASKS_PER_THREAD: usize = 4;
/// Fewer rows than this share the packing of B among too few.
const FEW_ROWS: usize = 192;
/// Two panels, whatever the instruction set.
const FEW_COLUMNS: usize = 32;
/// A slice of the depth is at least this deep, so that its partial product is small beside its operands.
const SLICE: usize = 512;
/// Blocks of rows, columns and slices that a deep product is cut into.
const SLICES: usize = 16;

/// The blocks of rows, columns and depth of a product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    m: usize,
    n: usize,
    k: usize,
    rows: usize,
    cols: usize,
    /// Parts of the depth that are computed apart and then summed; 1 if the tasks write C themselves.
    pub(crate) slices: usize,
}

impl Plan {
    pub(crate) fn new(m: usize, n: usize, k: usize, threads: usize) -> Self {
        if m * n * k == 0 {
            return Plan { m, n, k, rows: m, cols: n, slices: 0 };
        }
        let blocks = (m / FEW_ROWS).max(1) * (n / FEW_COLUMNS).max(1);
        let slices = (SLICES / blocks).min(k / SLICE).max(1);
        let want = if threads > 1 { (m * n * k / TASK).min(threads * TASKS_PER_THREAD) / slices } else { 1 };
        let mut row_blocks = 1;
        let mut col_blocks = n.div_ceil(COLUMNS);
        while row_blocks * col_blocks < want {
            let (rows, cols) = (m / row_blocks, n / col_blocks);
            if rows >= 2 * FEW_ROWS {
                row_blocks *= 2;
            } else if cols >= 2 * FEW_COLUMNS {
                col_blocks *= 2;
            } else {
                break;
            }
        }
        let cols = n.div_ceil(col_blocks).next_multiple_of(FEW_COLUMNS).min(n);
        Plan { m, n, k, rows: m.div_ceil(row_blocks), cols, slices }
    }

    fn col_blocks(&self) -> usize {
        self.n.div_ceil(self.cols)
    }

    pub(crate) fn tasks(&self) -> usize {
        self.slices * self.m.div_ceil(self.rows.max(1)) * self.n.div_ceil(self.cols.max(1))
    }

    /// The slice, rows, columns and depth of a task.
    pub(crate) fn task(&self, task: usize) -> (usize, Range<usize>, Range<usize>, Range<usize>) {
        let (rest, col) = (task / self.col_blocks(), task % self.col_blocks());
        let row_blocks = self.m.div_ceil(self.rows);
        let (slice, row) = (rest / row_blocks, rest % row_blocks);
        let rows = row * self.rows..self.m.min((row + 1) * self.rows);
        let cols = col * self.cols..self.n.min((col + 1) * self.cols);
        (slice, rows, cols, self.k * slice / self.slices..self.k * (slice + 1) / self.slices)
    }

    /// Floats of scratch that a worker needs.
    pub(crate) fn scratch(&self) -> usize {
        block_scratch(self.cols, self.k.div_ceil(self.slices.max(1)))
    }

    /// Floats for the products of the slices.
    pub(crate) fn partials(&self) -> usize {
        if self.slices > 1 { (self.slices * self.m * self.n).next_multiple_of(16) } else { 0 }
    }
}
