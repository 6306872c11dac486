//! Rearranging the axes of a tensor.

use crate::Exec;
use crate::elementwise::MAX_AXES;
use crate::parallel::{self, TASK};

/// The side of the square blocks in which two axes are exchanged: a block's lines fit the first-level cache both ways.
const TILE: usize = 16;

/// A permutation with axes of length 1 dropped and axes that stay neighbours merged.
struct Plan {
    rank: usize,
    /// Sizes of the output's axes.
    sizes: [usize; MAX_AXES],
    /// What a step along each axis of the output is in the input.
    strides: [usize; MAX_AXES],
}

/// Permutes the axes of `x`, of shape `shape`: axis k of `out` is axis `axes[k]` of `x`.
///
/// # Panics
/// If `axes` is no permutation of the axes, there are more than [`MAX_AXES`], or a length does not fit the shape.
pub fn permute(exec: Exec<'_>, x: &[f32], shape: &[usize], axes: &[usize], out: &mut [f32]) {
    let elements: usize = shape.iter().product();
    assert!(x.len() == elements && out.len() == elements, "input and output of shape {shape:?}");
    let plan = Plan::new(shape, axes);
    if elements == 0 {
        return;
    }
    let (outer, last) = (plan.rank - 1, plan.sizes[plan.rank - 1]);
    // Tasks get whole tiles of rows, so that the lines of the input that a tile reads are read once.
    let rows = (TASK / last / TILE).max(1) * TILE;
    parallel::for_each_chunk(exec.pool, out, rows * last, |first, piece| {
        let first_row = first / last;
        if plan.strides[outer] == 1 {
            for (i, row) in piece.chunks_exact_mut(last).enumerate() {
                let start = plan.start(first_row + i);
                row.copy_from_slice(&x[start..start + last]);
            }
        } else {
            for (i, rows) in piece.chunks_mut(TILE * last).enumerate() {
                plan.exchange(x, first_row + i * TILE, rows);
            }
        }
    });
}

impl Plan {
    fn new(shape: &[usize], axes: &[usize]) -> Self {
        assert!(shape.len() <= MAX_AXES, "{} axes, at most {MAX_AXES}", shape.len());
        assert!(
            axes.len() == shape.len() && (0..shape.len()).all(|axis| axes.contains(&axis)),
            "axes {axes:?} are no permutation of those of shape {shape:?}"
        );
        let mut strides = [1; MAX_AXES];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        let mut plan = Plan { rank: 0, sizes: [1; MAX_AXES], strides: [1; MAX_AXES] };
        for &axis in axes.iter().filter(|&&axis| shape[axis] != 1) {
            let (size, stride) = (shape[axis], strides[axis]);
            match plan.rank.checked_sub(1) {
                Some(before) if plan.strides[before] == size * stride => {
                    plan.sizes[before] *= size;
                    plan.strides[before] = stride;
                }
                _ => {
                    (plan.sizes[plan.rank], plan.strides[plan.rank]) = (size, stride);
                    plan.rank += 1;
                }
            }
        }
        plan.rank = plan.rank.max(1);
        plan
    }

    /// Where row `row` of the output begins in the input.
    fn start(&self, row: usize) -> usize {
        let (mut row, mut start) = (row, 0);
        for axis in (0..self.rank - 1).rev() {
            start += row % self.sizes[axis] * self.strides[axis];
            row /= self.sizes[axis];
        }
        start
    }

    /// Fills at most [`TILE`] rows of the output, column block by column block.
    fn exchange(&self, x: &[f32], first_row: usize, rows: &mut [f32]) {
        let (last, stride) = (self.sizes[self.rank - 1], self.strides[self.rank - 1]);
        let mut starts = [0; TILE];
        let count = rows.len() / last;
        for (i, start) in starts[..count].iter_mut().enumerate() {
            *start = self.start(first_row + i);
        }
        for column in (0..last).step_by(TILE) {
            let width = TILE.min(last - column);
            for (row, &start) in rows.chunks_exact_mut(last).zip(&starts) {
                let from = x[start + column * stride..].iter().step_by(stride);
                row[column..column + width].iter_mut().zip(from).for_each(|(to, &v)| *to = v);
            }
        }
    }
}
