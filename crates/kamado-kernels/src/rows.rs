//! Copying rows: cutting, padding and joining tensors along an axis, in contiguous pieces.

use crate::Exec;
use crate::elementwise::MAX_AXES;
use crate::parallel::{self, TASK};

/// Copies `width` floats; the short widths that occur become a few moves instead of a call.
#[inline(always)]
pub(crate) fn copy_row(from: &[f32], to: &mut [f32], width: usize) {
    #[inline(always)]
    fn fixed<const W: usize>(from: &[f32], to: &mut [f32]) {
        to[..W].copy_from_slice(&from[..W]);
    }
    match width {
        1 => fixed::<1>(from, to),
        2 => fixed::<2>(from, to),
        4 => fixed::<4>(from, to),
        8 => fixed::<8>(from, to),
        16 => fixed::<16>(from, to),
        32 => fixed::<32>(from, to),
        _ => to[..width].copy_from_slice(&from[..width]),
    }
}

/// Takes `width` floats from `first` on out of each row of `x`, `[rows, stride]`, into `out`, `[rows, width]`.
///
/// # Panics
/// If the lengths do not fit together.
pub fn slice(exec: Exec<'_>, x: &[f32], stride: usize, first: usize, width: usize, out: &mut [f32]) {
    if out.is_empty() {
        return;
    }
    assert!(first + width <= stride && x.len() / stride == out.len() / width, "a slice of {width} from {first} on");
    let rows = (TASK / width).max(1);
    parallel::for_each_chunk(exec.pool, out, rows * width, |start, piece| {
        let x = x[start / width * stride..].chunks_exact(stride);
        for (to, from) in piece.chunks_exact_mut(width).zip(x) {
            copy_row(&from[first..], to, width);
        }
    });
}

/// A tensor that becomes a part of each row of another: `[rows, width]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// The elements.
    pub data: &'a [f32],
    /// The length of a row.
    pub width: usize,
}

/// Puts the rows of the parts next to each other, from `first` on, into each row of `out`, `[rows, stride]`.
///
/// # Panics
/// If the lengths do not fit together.
pub fn concatenate(exec: Exec<'_>, parts: &[Part<'_>], first: usize, stride: usize, out: &mut [f32]) {
    if out.is_empty() {
        return;
    }
    let total: usize = parts.iter().map(|part| part.width).sum();
    let fits = |part: &Part<'_>| part.data.len() == out.len() / stride * part.width;
    assert!(first + total <= stride && parts.iter().all(fits), "parts of {total} from {first} on in rows of {stride}");
    let rows = (TASK / stride).max(1);
    parallel::for_each_chunk(exec.pool, out, rows * stride, |start, piece| {
        let mut first = first;
        for &Part { data, width } in parts.iter().filter(|part| part.width > 0) {
            let from = data[start / stride * width..].chunks_exact(width);
            for (to, from) in piece.chunks_exact_mut(stride).zip(from) {
                copy_row(from, &mut to[first..], width);
            }
            first += width;
        }
    });
}

/// An axis with zeros around it.
#[derive(Clone, Copy, Default)]
struct Axis {
    size: usize,
    before: usize,
    padded: usize,
}

/// Puts `before[k]` and `after[k]` zeros around axis `k` of `x`, of shape `shape`.
///
/// # Panics
/// If there is not one width for each axis, more than [`MAX_AXES`] axes, or a length does not fit the shapes.
pub fn pad(exec: Exec<'_>, x: &[f32], shape: &[usize], before: &[usize], after: &[usize], out: &mut [f32]) {
    assert!(shape.len() == before.len() && shape.len() == after.len(), "a width for each axis of {shape:?}");
    let (mut axes, mut count) = ([Axis::default(); MAX_AXES], 0);
    for ((&size, &before), &after) in shape.iter().zip(before).zip(after) {
        // An axis without a border is part of the one in front: rows are as long as they can be.
        if before == 0 && after == 0 && count > 0 {
            let front = &mut axes[count - 1];
            *front = Axis { size: front.size * size, before: front.before * size, padded: front.padded * size };
        } else {
            axes[count] = Axis { size, before, padded: before + size + after };
            count += 1;
        }
    }
    let Some((row, outer)) = axes[..count].split_last() else {
        out.copy_from_slice(x);
        return;
    };
    let elements = |of: fn(&Axis) -> usize| axes[..count].iter().map(of).product::<usize>();
    assert!(x.len() == elements(|a| a.size) && out.len() == elements(|a| a.padded), "input and output of {shape:?}");
    if out.is_empty() {
        return;
    }
    let rows = (TASK / row.padded).max(1);
    parallel::for_each_chunk(exec.pool, out, rows * row.padded, |start, piece| {
        for (i, to) in piece.chunks_exact_mut(row.padded).enumerate() {
            match source(outer, start / row.padded + i).filter(|_| row.size > 0) {
                None => to.fill(0.0),
                Some(from) => {
                    to[..row.before].fill(0.0);
                    to[row.before + row.size..].fill(0.0);
                    copy_row(&x[from * row.size..], &mut to[row.before..], row.size);
                }
            }
        }
    });
}

/// The row of the input that becomes row `row` of the output, if that is no border.
fn source(outer: &[Axis], row: usize) -> Option<usize> {
    let (mut rest, mut from, mut stride) = (row, 0, 1);
    for axis in outer.iter().rev() {
        let i = (rest % axis.padded).checked_sub(axis.before).filter(|&i| i < axis.size)?;
        from += i * stride;
        stride *= axis.size;
        rest /= axis.padded;
    }
    Some(from)
}
