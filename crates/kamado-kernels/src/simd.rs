//! Vectors of `f32` behind one trait, so that a kernel is written once and compiled for every instruction set.
//!
//! A value of a [`Simd`] type is a token: it is made only in [`dispatch`], on a processor that has the instruction
//! set. Everything here is inlined into the function compiled for that set, by [`Simd::vectorize`].

use crate::isa::{Isa, Kind};

#[cfg(target_arch = "x86_64")]
mod x86;

/// A computation that is generic over the instruction set.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;
    /// Runs it; implementations are `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs `kernel` with the token of `isa`.
pub(crate) fn dispatch<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa.kind() {
        Kind::Scalar => Scalar.vectorize(kernel),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this kind exists only where the processor has these features.
        Kind::Avx2 => unsafe { x86::Avx2::new() }.vectorize(kernel),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx512 => unsafe { x86::Avx512::new() }.vectorize(kernel),
    }
}

/// An instruction set: vectors of `LANES` floats and what can be done with them.
///
/// # Safety of the pointer operations
/// `load` and `store` need `LANES` valid floats at `p`, the `_first` forms need `n <= LANES`; no alignment is needed.
#[allow(clippy::missing_safety_doc)]
pub(crate) trait Simd: Copy {
    /// A vector.
    type V: Copy;
    /// Floats in a vector.
    const LANES: usize;
    /// Rows of the largest matrix tile whose accumulators fit the registers, two vectors wide.
    const TILE_ROWS: usize;

    /// Runs `kernel` in a function compiled for this instruction set.
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output;

    /// Asks for a cache line that will be needed at once.
    fn prefetch(self, p: *const f32);
    /// Asks for a cache line that will be needed soon, into the level-2 cache.
    fn prefetch_far(self, p: *const f32);
    fn splat(self, x: f32) -> Self::V;
    unsafe fn load(self, p: *const f32) -> Self::V;
    unsafe fn store(self, p: *mut f32, v: Self::V);
    /// The first `n` lanes; the others are 0.
    unsafe fn load_first(self, p: *const f32, n: usize) -> Self::V;
    unsafe fn store_first(self, p: *mut f32, v: Self::V, n: usize);

    /// a·b + c, rounded once where the processor can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// Correctly rounded.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// Correctly rounded.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `a > b ? a : b`, so a NaN in `b` survives.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `v` where `mask > 0`, else 0.
    fn keep_where_positive(self, mask: Self::V, v: Self::V) -> Self::V;

    /// `dst[j * dst_ld + i] = src[i * ld + j]` for `i, j < 8`; both must be valid there.
    unsafe fn transpose8(self, src: *const f32, ld: usize, dst: *mut f32, dst_ld: usize);
}

/// The portable twin: arrays, with a product and a sum where others fuse them.
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

const SCALAR_LANES: usize = 8;

#[inline(always)]
fn zip(a: [f32; 8], b: [f32; 8], f: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Scalar {
    type V = [f32; SCALAR_LANES];
    const LANES: usize = SCALAR_LANES;
    const TILE_ROWS: usize = 2;

    #[inline(always)]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    #[inline(always)]
    fn prefetch_far(self, _: *const f32) {}
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; SCALAR_LANES]
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::V {
        // SAFETY: the caller vouches for LANES floats.
        unsafe { p.cast::<Self::V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::V) {
        // SAFETY: the caller vouches for LANES floats.
        unsafe { p.cast::<Self::V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> Self::V {
        // SAFETY: the caller vouches for n floats.
        std::array::from_fn(|i| if i < n { unsafe { *p.add(i) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, v: Self::V, n: usize) {
        for (i, x) in v.into_iter().enumerate().take(n) {
            // SAFETY: the caller vouches for n floats.
            unsafe { *p.add(i) = x };
        }
    }
    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn keep_where_positive(self, mask: Self::V, v: Self::V) -> Self::V {
        zip(mask, v, |mask, v| if mask > 0.0 { v } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn transpose8(self, src: *const f32, ld: usize, dst: *mut f32, dst_ld: usize) {
        for i in 0..8 {
            for j in 0..8 {
                // SAFETY: the caller vouches for both squares.
                unsafe { *dst.add(j * dst_ld + i) = *src.add(i * ld + j) };
            }
        }
    }
}

/// A pointer that tasks of one parallel loop share, each writing where no other does.
#[derive(Clone, Copy)]
pub(crate) struct Shared(*mut f32);

// SAFETY: whoever dereferences it upholds that tasks write disjoint parts.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn new(slice: &mut [f32]) -> Self {
        Shared(slice.as_mut_ptr())
    }

    #[inline(always)]
    pub(crate) fn ptr(self) -> *mut f32 {
        self.0
    }

    /// The pointer to what lies `by` floats further on.
    pub(crate) fn offset(self, by: usize) -> Self {
        Shared(self.0.wrapping_add(by))
    }

    /// The part at `start..start + len`.
    ///
    /// # Safety
    /// It must lie in the slice, and nothing else may use it meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn slice<'a>(self, start: usize, len: usize) -> &'a mut [f32] {
        // SAFETY: the caller vouches for it.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

/// Floats by which [`aligned`] may shorten a slice.
pub(crate) const ALIGN_SLACK: usize = 16;

/// The slice from its first 64-byte boundary on, so that vectors do not straddle cache lines.
pub(crate) fn aligned(scratch: &mut [f32]) -> &mut [f32] {
    let skip = scratch.as_ptr().align_offset(64).min(scratch.len());
    &mut scratch[skip..]
}
