//! Handing disjoint pieces of a slice to the tasks of a parallel loop.

use std::marker::PhantomData;
use std::ops::Range;

use crate::pool::ThreadPool;

/// The number of elements that one task should handle: enough to pay for handing it out, and a whole task for small work.
pub(crate) const TASK: usize = 16 * 1024;

/// A mutable slice that several threads may cut pieces from.
struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    _borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: `piece` is the only access, and its callers take disjoint pieces, as if each thread were sent its own slice.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    fn new(data: &'a mut [T]) -> Self {
        Shared { start: data.as_mut_ptr(), len: data.len(), _borrow: PhantomData }
    }

    /// # Safety
    /// No two pieces that are alive at the same time may overlap.
    #[allow(clippy::mut_from_ref)]
    unsafe fn piece(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the range lies inside the borrowed slice, and the caller vouches for disjointness.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.end - range.start) }
    }
}

/// Cuts `data`, `[rows, width]`, into pieces of at most `tile` elements of one row and calls
/// `body(row, first_column, piece)` for each in parallel.
pub(crate) fn for_each_tile<T: Send>(
    pool: &ThreadPool,
    data: &mut [T],
    width: usize,
    tile: usize,
    body: impl Fn(usize, usize, &mut [T]) + Sync,
) {
    if data.is_empty() {
        return;
    }
    assert!(width > 0 && tile > 0 && data.len().is_multiple_of(width));
    let (rows, tiles) = (data.len() / width, width.div_ceil(tile));
    let shared = Shared::new(data);
    pool.run(rows * tiles, |task, _| {
        let (row, first) = (task / tiles, task % tiles * tile);
        let last = (first + tile).min(width);
        // SAFETY: every task runs once, and different tasks differ in the row or in the columns.
        let piece = unsafe { shared.piece(row * width + first..row * width + last) };
        body(row, first, piece);
    });
}

/// Cuts `data` into chunks of `chunk` elements, the last one perhaps shorter, and calls `body(first_element, piece)` for
/// each in parallel.
pub(crate) fn for_each_chunk<T: Send>(
    pool: &ThreadPool,
    data: &mut [T],
    chunk: usize,
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    let width = data.len();
    for_each_tile(pool, data, width, chunk, |_, first, piece| body(first, piece));
}

/// Cuts two slices into as many pieces of their widths as the first has, and calls `body(number, piece, other_piece)` for each
/// pair in parallel.
///
/// # Panics
/// If the first slice is not whole pieces, or the second is too short.
pub(crate) fn for_each_pair<T: Send, U: Send>(
    pool: &ThreadPool,
    (first, width): (&mut [T], usize),
    (second, other_width): (&mut [U], usize),
    body: impl Fn(usize, &mut [T], &mut [U]) + Sync,
) {
    if first.is_empty() {
        return;
    }
    assert!(width > 0 && first.len().is_multiple_of(width));
    let pieces = first.len() / width;
    assert!(second.len() / other_width.max(1) >= pieces || other_width == 0);
    let (first, second) = (Shared::new(first), Shared::new(second));
    pool.run(pieces, |i, _| {
        // SAFETY: every task runs once, and the pieces of different tasks do not overlap.
        let pair = unsafe {
            let other = second.piece(i * other_width..(i + 1) * other_width);
            (first.piece(i * width..(i + 1) * width), other)
        };
        body(i, pair.0, pair.1);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_element_once() {
        let pool = ThreadPool::new(3);
        for (rows, width, tile) in [(0, 5, 2), (1, 1, 1), (3, 7, 2), (4, 8, 8), (5, 3, 100)] {
            let mut data = vec![0usize; rows * width];
            for_each_tile(&pool, &mut data, width, tile, |row, first, piece| {
                assert!(piece.len() <= tile);
                piece.iter_mut().enumerate().for_each(|(i, v)| *v += row * width + first + i + 1);
            });
            assert_eq!(data, (1..=rows * width).collect::<Vec<_>>());
        }
    }
}
