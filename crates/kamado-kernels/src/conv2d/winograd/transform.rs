//! The small matrices of Winograd's algorithm F(4, 3), as sums of vectors: each lane is a channel.
//!
//! The points are 0, ±√½, ±√2 and ∞: with the usual 0, ±1, ±2 and ∞ the error is 2.3 times as large.
//!
//! Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks" (2016), section 4, whose construction
//! these points follow. The gradient of the kernel uses the transposed matrices.

use std::mem::MaybeUninit;

use crate::simd::Simd;

/// A matrix with `A` columns and `B` rows. A trait and no closure, since it must be inlined to be compiled for the
/// instruction set.
pub(super) trait Linear<const A: usize, const B: usize> {
    /// The matrix times `x`.
    fn apply<S: Simd>(simd: S, x: [S::V; A]) -> [S::V; B];
}

/// `Bᵀ`: the input under a tile to factors.
pub(super) struct Input;
/// `G`: the filter's three taps to the other factors.
pub(super) struct Filter;
/// `Aᵀ`: the products to results.
pub(super) struct Output;
/// `A`: the gradients of the results.
pub(super) struct OutputGrad;
/// `Gᵀ`: the products with them to the gradient of the filter.
pub(super) struct FilterGrad;

/// A square of vectors on the stack, written once and not cleared before.
pub(super) struct Square<V, const A: usize, const B: usize>(MaybeUninit<[[V; A]; B]>);

impl<V: Copy, const A: usize, const B: usize> Square<V, A, B> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Square(MaybeUninit::uninit())
    }

    /// Fills column `i` with a row of the other order.
    #[inline(always)]
    pub(super) fn set_column(&mut self, i: usize, row: [V; B]) {
        assert!(i < A);
        let start = self.0.as_mut_ptr().cast::<V>();
        for (j, v) in row.into_iter().enumerate() {
            // SAFETY: i < A and j < B.
            unsafe { start.add(j * A + i).write(v) };
        }
    }

    /// Row `j`.
    ///
    /// # Safety
    /// All columns must have been set.
    #[inline(always)]
    pub(super) unsafe fn row(&self, j: usize) -> [V; A] {
        assert!(j < B);
        // SAFETY: j < B, and the caller vouches for the columns.
        unsafe { self.0.as_ptr().cast::<[V; A]>().add(j).read() }
    }
}

const ROOT: f32 = std::f32::consts::SQRT_2;

impl Linear<6, 6> for Input {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c, d, e, f]: [S::V; 6]) -> [S::V; 6] {
        let (two, half, ends) = (s.splat(-2.0), s.splat(-0.5), s.splat(-2.5));
        let (even, odd) = (s.mul_add(two, c, e), s.mul(s.splat(ROOT / 2.0), s.mul_add(two, b, d)));
        let (far_even, far_odd) = (s.mul_add(half, c, e), s.mul(s.splat(ROOT), s.mul_add(half, b, d)));
        [
            s.add(a, s.mul_add(ends, c, e)),
            s.add(even, odd),
            s.sub(even, odd),
            s.add(far_even, far_odd),
            s.sub(far_even, far_odd),
            s.add(b, s.mul_add(ends, d, f)),
        ]
    }
}

impl Linear<3, 6> for Filter {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c]: [S::V; 3]) -> [S::V; 6] {
        let (third, sixth) = (s.splat(-1.0 / 3.0), s.splat(1.0 / 6.0));
        let (even, odd) = (s.mul(third, s.add(a, s.add(a, c))), s.mul(s.splat(-ROOT / 3.0), b));
        let (far_even, far_odd) = (s.mul(sixth, s.add(a, s.add(c, c))), s.mul(s.splat(ROOT / 6.0), b));
        [a, s.add(even, odd), s.sub(even, odd), s.add(far_even, far_odd), s.sub(far_even, far_odd), c]
    }
}

impl Linear<6, 4> for Output {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c, d, e, f]: [S::V; 6]) -> [S::V; 4] {
        let (even, far_even) = (s.add(b, c), s.add(d, e));
        let (odd, far_odd) = (s.mul(s.splat(ROOT / 2.0), s.sub(b, c)), s.mul(s.splat(ROOT), s.sub(d, e)));
        [
            s.add(a, s.add(even, far_even)),
            s.add(odd, far_odd),
            s.mul_add(s.splat(0.5), even, s.add(far_even, far_even)),
            s.add(f, s.mul_add(s.splat(0.5), odd, s.add(far_odd, far_odd))),
        ]
    }
}

impl Linear<4, 6> for OutputGrad {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c, d]: [S::V; 4]) -> [S::V; 6] {
        let (half, two) = (s.splat(0.5), s.splat(2.0));
        let (even, odd) = (s.mul_add(half, c, a), s.mul(s.splat(ROOT / 2.0), s.mul_add(half, d, b)));
        let (far_even, far_odd) = (s.mul_add(two, c, a), s.mul(s.splat(ROOT), s.mul_add(two, d, b)));
        [a, s.add(even, odd), s.sub(even, odd), s.add(far_even, far_odd), s.sub(far_even, far_odd), d]
    }
}

impl Linear<6, 3> for FilterGrad {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c, d, e, f]: [S::V; 6]) -> [S::V; 3] {
        let third = s.splat(1.0 / 3.0);
        let (even, far_even) = (s.mul(third, s.add(b, c)), s.mul(third, s.add(d, e)));
        let odd = s.mul_add(s.splat(0.5), s.sub(d, e), s.sub(c, b));
        [
            s.add(a, s.mul_add(s.splat(0.5), far_even, s.mul(s.splat(-2.0), even))),
            s.mul(s.splat(ROOT / 3.0), odd),
            s.add(f, s.sub(far_even, even)),
        ]
    }
}
