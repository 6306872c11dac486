//! What the indices of an example say of each other, and of values that belong to rows.

use super::{Addressing, IndexOutOfRange};
use crate::Exec;
use crate::parallel;

impl Addressing {
    /// The rows that the checked indices of one example address, in their order.
    fn rows_of<'a>(&'a self, indices: &'a [i32]) -> impl Iterator<Item = usize> + 'a {
        indices.chunks_exact(self.columns).flat_map(|columns| self.addressed(columns))
    }
}

/// For each of `examples` examples the matrix of 1 where an index of `first` addresses the same row as one of `second`,
/// and of 0 elsewhere: `out [examples, n, m]`.
///
/// # Errors
/// [`IndexOutOfRange`] for the first index that addresses no row.
///
/// # Panics
/// If the lengths do not fit together.
pub fn same_rows(
    exec: Exec<'_>,
    by: &Addressing,
    examples: usize,
    first: &[i32],
    second: &[i32],
    out: &mut [f32],
) -> Result<(), IndexOutOfRange> {
    by.check(first)?;
    by.check(second)?;
    if out.is_empty() {
        return Ok(());
    }
    let (lens, m) = ([first.len() / examples, second.len() / examples], by.places(second.len()) / examples);
    assert_eq!(out.len(), by.places(first.len()) * m, "a number for each pair");
    parallel::for_each_chunk(exec.pool, out, by.places(lens[0]) * m, |start, matrix| {
        let example = start / matrix.len();
        let [first, second] = [&first[example * lens[0]..][..lens[0]], &second[example * lens[1]..][..lens[1]]];
        for (row, line) in by.rows_of(first).zip(matrix.chunks_exact_mut(m)) {
            by.rows_of(second).zip(line).for_each(|(other, same)| *same = f32::from(row == other));
        }
    });
    Ok(())
}

/// For each of `examples` examples the values, `[steps, rows]`, that belong to the rows which its indices address:
/// `out [examples, n, steps]`.
///
/// # Errors
/// [`IndexOutOfRange`] for the first index that addresses no row.
///
/// # Panics
/// If the lengths do not fit together.
pub fn pick_rows(
    exec: Exec<'_>,
    values: &[f32],
    by: &Addressing,
    examples: usize,
    indices: &[i32],
    out: &mut [f32],
) -> Result<(), IndexOutOfRange> {
    by.check(indices)?;
    if out.is_empty() {
        return Ok(());
    }
    let (rows, len) = (by.table_rows(), indices.len() / examples);
    let (places, steps) = (by.places(len), values.len() / examples / rows);
    assert!(values.len() == examples * steps * rows && out.len() == examples * places * steps, "values of rows");
    parallel::for_each_chunk(exec.pool, out, places * steps, |start, matrix| {
        let example = start / matrix.len();
        let values = &values[example * steps * rows..][..steps * rows];
        for (row, line) in by.rows_of(&indices[example * len..][..len]).zip(matrix.chunks_exact_mut(steps)) {
            values.chunks_exact(rows).zip(line).for_each(|(values, picked)| *picked = values[row]);
        }
    });
    Ok(())
}
