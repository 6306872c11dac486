//! Memory: one aligned buffer for a plan's intermediate results, one for variables, and the slices that are fed.
//!
//! All unsafe code of the engine is here. A kernel asks for the slices that it reads and writes at once; they are
//! checked to lie within their buffers and no written slice to overlap another.

use std::marker::PhantomData;

/// The most tensors that one kernel reads.
pub(crate) const MAX_READS: usize = 24;

const LINE: usize = 16;

/// A cache line of floats, so that the allocation is aligned for every vector width.
#[derive(Clone, Copy)]
#[repr(align(64))]
#[expect(dead_code, reason = "read through slices of the whole buffer")]
struct Line([f32; LINE]);

/// A zeroed, 64-byte aligned buffer of floats.
#[derive(Clone)]
pub(crate) struct Arena(Vec<Line>);

impl Arena {
    /// A zeroed buffer of at least `len` floats; `None` if the system does not have the memory.
    pub(crate) fn new(len: usize) -> Option<Self> {
        let lines = len.div_ceil(LINE);
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(lines).ok()?;
        prefer_huge_pages(buffer.spare_capacity_mut());
        buffer.resize(lines, Line([0.0; LINE]));
        Some(Arena(buffer))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len() * LINE
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: the lines are contiguous, without padding, and hold initialised floats.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.len()) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.len();
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), len) }
    }
}

/// Asks Linux to back whole megabytes of memory that nothing has touched yet by huge pages: a step sweeps over more pages
/// than the processor remembers. It is a wish; whether it is granted changes nothing but the speed.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn prefer_huge_pages(memory: &mut [std::mem::MaybeUninit<Line>]) {
    const HUGE: usize = 2 << 20;
    const MADV_HUGEPAGE: i32 = 14;
    unsafe extern "C" {
        fn madvise(start: *mut std::ffi::c_void, len: usize, advice: i32) -> i32;
    }
    let range = memory.as_mut_ptr_range();
    let (start, end) = (range.start.addr().next_multiple_of(HUGE), range.end.addr() / HUGE * HUGE);
    if start < end {
        // SAFETY: the pages lie within the borrowed memory, and this advice changes none of their contents.
        unsafe { madvise(range.start.with_addr(start).cast(), end - start, MADV_HUGEPAGE) };
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn prefer_huge_pages(_: &mut [std::mem::MaybeUninit<Line>]) {}

/// Rounds a number of floats up to whole cache lines.
pub(crate) fn whole_lines(len: usize) -> usize {
    len.next_multiple_of(LINE)
}

/// A tensor that is fed into a run.
#[derive(Clone, Copy, Debug)]
pub enum Feed<'a> {
    /// Floats in row-major order.
    F32(&'a [f32]),
    /// Integers in row-major order.
    I32(&'a [i32]),
}

/// Where the elements of a tensor are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In the plan's arena: offset and length.
    Arena(usize, usize),
    /// In the variable store: offset and length.
    Store(usize, usize),
    /// In the feed of this number: length.
    Feed(usize, usize),
}

impl Place {
    /// A place without elements.
    pub(crate) const EMPTY: Place = Place::Arena(0, 0);

    pub(crate) fn len(self) -> usize {
        match self {
            Place::Arena(_, len) | Place::Store(_, len) | Place::Feed(_, len) => len,
        }
    }

    fn overlaps(self, other: Place) -> bool {
        match (self, other) {
            (Place::Arena(a, n), Place::Arena(b, m)) | (Place::Store(a, n), Place::Store(b, m)) => {
                n > 0 && m > 0 && a < b + m && b < a + n
            }
            _ => false,
        }
    }
}

/// Everything that the kernels of a run read and write.
pub(crate) struct Memory<'a> {
    arena: *mut f32,
    arena_len: usize,
    store: *mut f32,
    store_len: usize,
    feeds: &'a [Feed<'a>],
    _exclusive: PhantomData<&'a mut [f32]>,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(arena: &'a mut Arena, store: &'a mut Arena, feeds: &'a [Feed<'a>]) -> Self {
        let (arena, store) = (arena.as_mut_slice(), store.as_mut_slice());
        Memory {
            arena_len: arena.len(),
            store_len: store.len(),
            arena: arena.as_mut_ptr(),
            store: store.as_mut_ptr(),
            feeds,
            _exclusive: PhantomData,
        }
    }

    /// The slices behind `reads` and `writes`.
    ///
    /// # Panics
    /// If a place lies outside its buffer, a written place overlaps another, or a feed is written.
    pub(crate) fn view<const R: usize, const W: usize>(
        &mut self,
        reads: [Place; R],
        writes: [Place; W],
    ) -> ([&[f32]; R], [&mut [f32]; W]) {
        self.check(&reads, &writes);
        // SAFETY: `check` has shown that the places lie within their buffers and no written one overlaps another;
        // the slices live as long as this exclusive borrow of `self`, which holds the buffers exclusively.
        unsafe { (reads.map(|p| self.read(p)), writes.map(|p| self.write(p))) }
    }

    /// As [`Self::view`], for a number of reads known only when the plan is made; unused slices are empty.
    pub(crate) fn view_list<const W: usize>(
        &mut self,
        reads: &[Place],
        writes: [Place; W],
    ) -> ([&[f32]; MAX_READS], [&mut [f32]; W]) {
        let mut all = [Place::EMPTY; MAX_READS];
        all[..reads.len()].copy_from_slice(reads);
        self.view(all, writes)
    }

    /// The integers fed as number `feed`.
    ///
    /// # Panics
    /// If floats were fed.
    pub(crate) fn integers(&self, feed: usize) -> &'a [i32] {
        match self.feeds[feed] {
            Feed::I32(data) => data,
            Feed::F32(_) => panic!("feed {feed} holds floats where integers were checked"),
        }
    }

    fn check(&self, reads: &[Place], writes: &[Place]) {
        for &place in reads.iter().chain(writes) {
            let inside = match place {
                Place::Arena(offset, len) => offset.checked_add(len).is_some_and(|end| end <= self.arena_len),
                Place::Store(offset, len) => offset.checked_add(len).is_some_and(|end| end <= self.store_len),
                Place::Feed(feed, len) => matches!(self.feeds[feed], Feed::F32(data) if data.len() == len),
            };
            assert!(inside, "{place:?} lies outside its buffer");
        }
        for (i, &write) in writes.iter().enumerate() {
            assert!(!matches!(write, Place::Feed(..)), "a feed cannot be written");
            let others = reads.iter().chain(&writes[..i]);
            assert!(others.into_iter().all(|&other| !write.overlaps(other)), "{write:?} overlaps another operand");
        }
    }

    /// # Safety
    /// `place` must lie within its buffer and overlap no slice that is written.
    unsafe fn read(&self, place: Place) -> &'a [f32] {
        // SAFETY: the caller vouches for the range.
        unsafe {
            match place {
                Place::Arena(offset, len) => std::slice::from_raw_parts(self.arena.add(offset), len),
                Place::Store(offset, len) => std::slice::from_raw_parts(self.store.add(offset), len),
                Place::Feed(feed, _) => match self.feeds[feed] {
                    Feed::F32(data) => data,
                    Feed::I32(_) => &[],
                },
            }
        }
    }

    /// # Safety
    /// `place` must lie within its buffer, be no feed, and overlap no other slice in use.
    unsafe fn write(&self, place: Place) -> &'a mut [f32] {
        // SAFETY: the caller vouches for the range.
        unsafe {
            match place {
                Place::Arena(offset, len) => std::slice::from_raw_parts_mut(self.arena.add(offset), len),
                Place::Store(offset, len) => std::slice::from_raw_parts_mut(self.store.add(offset), len),
                Place::Feed(..) => &mut [],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_memory(test: impl FnOnce(&mut Memory<'_>)) {
        let (mut arena, mut store) = (Arena::new(40).unwrap(), Arena::new(8).unwrap());
        let floats = [1.0, 2.0];
        test(&mut Memory::new(&mut arena, &mut store, &[Feed::F32(&floats), Feed::I32(&[3])]));
    }

    #[test]
    fn disjoint_places_are_seen_at_once() {
        with_memory(|memory| {
            let ([feed], [a, b]) = memory.view([Place::Feed(0, 2)], [Place::Arena(0, 2), Place::Store(0, 2)]);
            a.copy_from_slice(feed);
            b.copy_from_slice(a);
            let ([a, b], []) = memory.view([Place::Arena(0, 2), Place::Store(1, 1)], []);
            assert_eq!((a, b), ([1.0, 2.0].as_slice(), [2.0].as_slice()));
            assert_eq!(memory.integers(1), [3]);
        });
    }

    #[test]
    #[should_panic(expected = "overlaps another operand")]
    fn an_overlapping_write_is_refused() {
        with_memory(|memory| {
            memory.view([Place::Arena(0, 4)], [Place::Arena(3, 2)]);
        });
    }

    #[test]
    #[should_panic(expected = "outside its buffer")]
    fn a_place_outside_is_refused() {
        with_memory(|memory| {
            memory.view([Place::Arena(40, 20)], []);
        });
    }

    #[test]
    #[should_panic(expected = "a feed cannot be written")]
    fn a_feed_is_not_written() {
        with_memory(|memory| {
            memory.view([], [Place::Feed(0, 2)]);
        });
    }
}
