//! The gradient of a table and its optimiser's update in one pass over the table.

use super::lists::Lists;
use super::{Addressing, IndexOutOfRange, sum_rows};
use crate::Exec;
use crate::simd::{Shared, dispatch};
use crate::update_rule::{Apply, Parameter, UpdateRule, Weights};

/// Floats of a gradient that are made before weights follow it: with the weights and two slots, half the first-level cache.
const BLOCK: usize = 1024;
/// Blocks of a task.
const BLOCKS: usize = 8;

/// What [`update_rows`] reads: the gradient of the rows that were looked up.
#[derive(Clone, Copy, Debug)]
pub struct RowGradient<'a> {
    /// The gradient at each place, `[places, width]`.
    pub dy: &'a [f32],
    /// The length of a row.
    pub width: usize,
    /// How the indices address the table.
    pub by: &'a Addressing,
    /// The indices.
    pub indices: &'a [i32],
}

/// The rows of a block, the length of its gradient in floats.
fn block(width: usize) -> (usize, usize) {
    let rows = (BLOCK / width.max(1)).max(1);
    (rows, rows * width)
}

/// The scratch memory of [`update_rows`], in floats.
pub fn update_rows_scratch(by: &Addressing, indices: usize, width: usize, threads: usize) -> usize {
    Lists::scratch(by, indices) + threads * block(width).1
}

/// Updates a table by the sums of the rows of `dy` at the places that address each row. With `lazy`, rows that no index
/// addresses stay as they are, with their slots; otherwise they follow a gradient of zero.
///
/// # Errors
/// [`IndexOutOfRange`] for the first index that addresses no row; nothing is changed then.
///
/// # Panics
/// If the lengths do not fit together, or `scratch` is shorter than [`update_rows_scratch`].
pub fn update_rows(
    exec: Exec<'_>,
    rule: &UpdateRule,
    mut table: Parameter<'_>,
    gradient: RowGradient<'_>,
    lazy: bool,
    scratch: &mut [f32],
) -> Result<(), IndexOutOfRange> {
    let RowGradient { dy, width, by, indices } = gradient;
    let rows = by.table_rows();
    assert_eq!(dy.len(), by.places(indices.len()) * width, "rows of the gradient");
    // Without state and decay, a gradient of zero changes nothing.
    let touched_only = lazy || (matches!(rule, UpdateRule::Descent(_)) && table.keep == 1.0);
    let weights = table.checked(rule.slots(), rows * width);
    by.check(indices)?;
    if rows * width == 0 {
        return Ok(());
    }
    let (lists, blocks) = scratch.split_at_mut(Lists::scratch(by, indices.len()));
    let lists = Lists::new(exec, by, indices, lists);
    let (block_rows, block_len) = block(width);
    assert!(blocks.len() >= exec.pool.threads() * block_len, "a block for each thread");
    let blocks = Shared::new(blocks);
    let rows_of_task = block_rows * BLOCKS;
    exec.pool.run(rows.div_ceil(rows_of_task), |task, worker| {
        // SAFETY: no two tasks run at the same time with the same worker, and there is a block for each.
        let g = unsafe { blocks.slice(worker * block_len, block_len) };
        let last = rows.min((task + 1) * rows_of_task);
        let update = Rows { exec, rule, weights, lists, dy, width };
        for first in (task * rows_of_task..last).step_by(block_rows) {
            let here = first..last.min(first + block_rows);
            // SAFETY: tasks have disjoint rows, all of which the table has.
            unsafe { if touched_only { update.touched(here, g) } else { update.all(here, g) } };
        }
    });
    Ok(())
}

/// What the update of some rows needs.
#[derive(Clone, Copy)]
struct Rows<'a> {
    exec: Exec<'a>,
    rule: &'a UpdateRule,
    weights: Weights,
    lists: Lists<'a>,
    dy: &'a [f32],
    width: usize,
}

impl Rows<'_> {
    /// Updates all of the rows; `g` has space for their gradient.
    ///
    /// # Safety
    /// The table must have these rows, and nothing else may use them meanwhile.
    unsafe fn all(self, rows: std::ops::Range<usize>, g: &mut [f32]) {
        let g = &mut g[..rows.len() * self.width];
        sum_rows(self.exec.isa, self.lists, self.dy, self.width, rows.start, g);
        let start = rows.start * self.width;
        dispatch(self.exec.isa, Apply { weights: self.weights, rule: *self.rule, start, g: g.as_ptr(), len: g.len() });
    }

    /// Updates those of the rows that are addressed.
    ///
    /// # Safety
    /// As [`Rows::all`].
    unsafe fn touched(self, rows: std::ops::Range<usize>, g: &mut [f32]) {
        for row in rows.filter(|&row| self.lists.addressed(row)) {
            // SAFETY: the caller vouches for the row.
            unsafe { self.all(row..row + 1, g) };
        }
    }
}
