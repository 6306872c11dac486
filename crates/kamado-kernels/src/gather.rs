//! Rows of a table by their indices, and the sum of rows into a table: embeddings.
//!
//! An index that addresses no row is an error before anything is written.

mod lists;
mod pairs;
mod update;

use crate::Exec;
use crate::isa::multiversion;
use crate::parallel::{self, TASK};
use crate::rows::copy_row;
use lists::Lists;

pub use pairs::{pick_rows, same_rows};
pub use update::{RowGradient, update_rows, update_rows_scratch};

/// How indices address the rows of a table.
///
/// The indices are `[examples, columns]`. The table holds the rows of one column after those of the other; columns that
/// have none are ignored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addressing {
    columns: usize,
    first: usize,
    /// The first row of each column from `first` on, and how many it has.
    tables: Vec<(usize, usize)>,
}

/// An index that addresses no row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexOutOfRange {
    /// The position among all indices.
    pub position: usize,
    /// The index found there.
    pub index: i32,
    /// The number of rows; indices are 0 to `rows` − 1.
    pub rows: usize,
}

impl Addressing {
    /// Every index addresses a whole table of `rows` rows.
    pub fn whole(rows: usize) -> Self {
        Addressing { columns: 1, first: 0, tables: vec![(0, rows)] }
    }

    /// Of each example's `columns` indices, those from column `first` on have a table with as many rows as `rows` says.
    ///
    /// # Panics
    /// If there are fewer columns.
    pub fn by_column(columns: usize, first: usize, rows: &[usize]) -> Self {
        assert!(first + rows.len() <= columns, "{} columns from {first} on of {columns}", rows.len());
        let mut start = 0;
        let table = |&rows: &usize| {
            start += rows;
            (start - rows, rows)
        };
        Addressing { columns, first, tables: rows.iter().map(table).collect() }
    }

    /// The rows of the table.
    pub fn table_rows(&self) -> usize {
        self.tables.last().map_or(0, |(start, rows)| start + rows)
    }

    /// How many rows `indices` indices address.
    pub fn places(&self, indices: usize) -> usize {
        indices / self.columns * self.tables.len()
    }

    fn check(&self, indices: &[i32]) -> Result<(), IndexOutOfRange> {
        assert!(indices.len().is_multiple_of(self.columns), "{} indices in {} columns", indices.len(), self.columns);
        for (example, all) in indices.chunks_exact(self.columns).enumerate() {
            for (k, (&index, &(_, rows))) in all[self.first..].iter().zip(&self.tables).enumerate() {
                if usize::try_from(index).map_or(true, |index| index >= rows) {
                    let position = example * self.columns + self.first + k;
                    return Err(IndexOutOfRange { position, index, rows });
                }
            }
        }
        Ok(())
    }

    /// The rows that an example's checked indices address.
    #[inline(always)]
    fn addressed(&self, example: &[i32]) -> impl DoubleEndedIterator<Item = usize> {
        example[self.first..].iter().zip(&self.tables).map(|(&index, &(start, _))| start + index as usize)
    }
}

/// Copies the addressed rows of `table`, `[rows, width]`, to `out`, `[places, width]`.
///
/// # Errors
/// [`IndexOutOfRange`] for the first index that addresses no row.
///
/// # Panics
/// If the lengths do not fit together.
pub fn gather(
    exec: Exec<'_>,
    table: &[f32],
    width: usize,
    by: &Addressing,
    indices: &[i32],
    out: &mut [f32],
) -> Result<(), IndexOutOfRange> {
    assert!(table.len() == by.table_rows() * width && out.len() == by.places(indices.len()) * width, "table and rows");
    by.check(indices)?;
    if out.is_empty() {
        return Ok(());
    }
    let row = by.tables.len() * width;
    let examples = (TASK / row).max(1);
    parallel::for_each_chunk(exec.pool, out, examples * row, |start, piece| {
        let indices = indices[start / row * by.columns..].chunks_exact(by.columns);
        for (example, out) in indices.zip(piece.chunks_exact_mut(row)) {
            for (row, to) in by.addressed(example).zip(out.chunks_exact_mut(width)) {
                copy_row(&table[row * width..], to, width);
            }
        }
    });
    Ok(())
}

/// The scratch memory of [`gather_gradient`], in floats.
pub fn gather_gradient_scratch(by: &Addressing, indices: usize) -> usize {
    Lists::scratch(by, indices)
}

/// Adds up, for each row of a table, the rows of `dy`, `[places, width]`, at the places that address it, in their order;
/// `out` is `[rows, width]`.
///
/// # Errors
/// [`IndexOutOfRange`] for the first index that addresses no row.
///
/// # Panics
/// If the lengths do not fit together, or `scratch` is shorter than [`gather_gradient_scratch`].
pub fn gather_gradient(
    exec: Exec<'_>,
    dy: &[f32],
    width: usize,
    by: &Addressing,
    indices: &[i32],
    scratch: &mut [f32],
    out: &mut [f32],
) -> Result<(), IndexOutOfRange> {
    assert!(out.len() == by.table_rows() * width && dy.len() == by.places(indices.len()) * width, "table and rows");
    by.check(indices)?;
    if out.is_empty() {
        return Ok(());
    }
    let lists = Lists::new(exec, by, indices, scratch);
    let rows = (TASK / width).max(1);
    parallel::for_each_chunk(exec.pool, out, rows * width, |start, piece| {
        sum_rows(exec.isa, lists, dy, width, start / width, piece);
    });
    Ok(())
}

multiversion! {
    /// The sums for the rows of the table from `first` on.
    fn sum_rows(isa; lists: Lists<'_>, dy: &[f32], width: usize, first: usize, out: &mut [f32]) {
        for (i, out) in out.chunks_exact_mut(width).enumerate() {
            out.fill(0.0);
            for place in lists.places(first + i) {
                for (sum, dy) in out.iter_mut().zip(&dy[place * width..(place + 1) * width]) {
                    *sum += dy;
                }
            }
        }
    }
}

/// 1 where an integer differs from `value`, else 0.
///
/// # Panics
/// If the lengths differ.
pub fn token_mask(exec: Exec<'_>, x: &[i32], value: i32, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "tokens and mask");
    parallel::for_each_chunk(exec.pool, out, TASK, |start, piece| {
        for (to, &x) in piece.iter_mut().zip(&x[start..]) {
            *to = f32::from(u8::from(x != value));
        }
    });
}
