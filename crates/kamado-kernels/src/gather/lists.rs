//! For each row of a table, the places whose index addresses it.

use super::Addressing;
use crate::Exec;

/// Ends a list.
const END: u32 = u32::MAX;

/// Linked lists of places in ascending order, one for each row of a table. Built in one pass over the indices for each
/// thread, without a sort; the lists do not depend on the number of threads.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a> {
    /// The first place of each row.
    heads: &'a [u32],
    /// The place after each place.
    next: &'a [u32],
}

/// Numbers that tasks of one parallel loop share, each writing where no other does.
#[derive(Clone, Copy)]
struct Shared(*mut u32);

// SAFETY: `link` is the only access, and its tasks write disjoint parts.
unsafe impl Sync for Shared {}

impl<'a> Lists<'a> {
    /// The scratch memory that the lists need, in floats.
    pub(crate) fn scratch(by: &Addressing, indices: usize) -> usize {
        by.table_rows() + by.places(indices)
    }

    /// The lists of checked indices.
    ///
    /// # Panics
    /// If `scratch` is shorter than [`Lists::scratch`], or there are as many places as `u32` has numbers.
    pub(crate) fn new(exec: Exec<'_>, by: &Addressing, indices: &[i32], scratch: &'a mut [f32]) -> Self {
        let (rows, places) = (by.table_rows(), by.places(indices.len()));
        assert!(scratch.len() >= rows + places && places < END as usize, "scratch for {rows} rows and {places} places");
        // SAFETY: floats and u32 have the same size and alignment, and every bit pattern is a value of both.
        let words = unsafe { std::slice::from_raw_parts_mut(scratch.as_mut_ptr().cast::<u32>(), rows + places) };
        let (heads, next) = words.split_at_mut(rows);
        let tasks = exec.pool.threads().min(rows).max(1);
        let (shared_heads, shared_next) = (Shared(heads.as_mut_ptr()), Shared(next.as_mut_ptr()));
        exec.pool.run(tasks, |task, _| {
            let range = rows * task / tasks..rows * (task + 1) / tasks;
            // SAFETY: `next` has an entry for each place; tasks have disjoint rows, hence disjoint places.
            unsafe { link(by, indices, range, shared_heads, shared_next) };
        });
        Lists { heads, next }
    }

    /// Whether any place addresses the row.
    pub(crate) fn addressed(self, row: usize) -> bool {
        self.heads[row] != END
    }

    /// The places of a row, ascending.
    #[inline(always)]
    pub(crate) fn places(self, row: usize) -> impl Iterator<Item = usize> + 'a {
        let mut place = self.heads[row];
        std::iter::from_fn(move || {
            let here = place as usize;
            (place != END).then(|| {
                place = self.next[here];
                here
            })
        })
    }
}

/// Links the places that address the rows in `range`, from the last to the first.
///
/// # Safety
/// `heads` must have an entry for each row and `next` one for each place, and nothing else may use those of `range`.
unsafe fn link(by: &Addressing, indices: &[i32], range: std::ops::Range<usize>, heads: Shared, next: Shared) {
    let (start, len) = (range.start, range.len());
    // SAFETY: the caller vouches for the rows in `range`.
    let heads = unsafe { std::slice::from_raw_parts_mut(heads.0.add(start), len) };
    heads.fill(END);
    let mut place = by.places(indices.len());
    for example in indices.chunks_exact(by.columns).rev() {
        let tables = example[by.first..by.first + by.tables.len()].iter().zip(&by.tables);
        for (&index, &(first, _)) in tables.rev() {
            place -= 1;
            if let Some(head) = heads.get_mut((first + index as usize).wrapping_sub(start)) {
                // SAFETY: the caller vouches for the place, whose row is in `range`.
                unsafe { *next.0.add(place) = *head };
                *head = place as u32;
            }
        }
    }
}
