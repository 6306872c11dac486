//! The small matrices of Winograd's algorithm F(4, 3), with the points 0, ±1, ±2 and ∞, as sums of vectors: each lane is
//! a channel.
//!
//! Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks" (2016), section 4. The gradient of
//! the kernel uses the transposed matrices.

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

impl Linear<6, 6> for Input {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c, d, e, f]: [S::V; 6]) -> [S::V; 6] {
        let (two, four, minus_four, minus_five) = (s.splat(2.0), s.splat(4.0), s.splat(-4.0), s.splat(-5.0));
        let (even, odd) = (s.mul_add(minus_four, c, e), s.mul_add(minus_four, b, d));
        let (near, far) = (s.sub(e, c), s.mul(two, s.sub(d, b)));
        [
            s.mul_add(four, a, s.mul_add(minus_five, c, e)),
            s.add(even, odd),
            s.sub(even, odd),
            s.add(near, far),
            s.sub(near, far),
            s.mul_add(four, b, s.mul_add(minus_five, d, f)),
        ]
    }
}

impl Linear<3, 6> for Filter {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c]: [S::V; 3]) -> [S::V; 6] {
        let (quarter, sixth, twelfth) = (s.splat(0.25), s.splat(-1.0 / 6.0), s.splat(1.0 / 12.0));
        let (ends, middle) = (s.mul(sixth, s.add(a, c)), s.mul(sixth, b));
        let outer = s.mul_add(s.splat(1.0 / 24.0), a, s.mul(s.splat(1.0 / 6.0), c));
        let inner = s.mul(twelfth, b);
        [s.mul(quarter, a), s.add(ends, middle), s.sub(ends, middle), s.add(outer, inner), s.sub(outer, inner), c]
    }
}

impl Linear<6, 4> for Output {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c, d, e, f]: [S::V; 6]) -> [S::V; 4] {
        let (near, far) = (s.add(b, c), s.add(d, e));
        let (odd_near, odd_far) = (s.sub(b, c), s.sub(d, e));
        [
            s.add(a, s.add(near, far)),
            s.mul_add(s.splat(2.0), odd_far, odd_near),
            s.mul_add(s.splat(4.0), far, near),
            s.add(f, s.mul_add(s.splat(8.0), odd_far, odd_near)),
        ]
    }
}

impl Linear<4, 6> for OutputGrad {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c, d]: [S::V; 4]) -> [S::V; 6] {
        let (two, four) = (s.splat(2.0), s.splat(4.0));
        let (even, odd) = (s.add(a, c), s.add(b, d));
        let (far_even, far_odd) = (s.mul_add(four, c, a), s.mul(two, s.mul_add(four, d, b)));
        [a, s.add(even, odd), s.sub(even, odd), s.add(far_even, far_odd), s.sub(far_even, far_odd), d]
    }
}

impl Linear<6, 3> for FilterGrad {
    #[inline(always)]
    fn apply<S: Simd>(s: S, [a, b, c, d, e, f]: [S::V; 6]) -> [S::V; 3] {
        let (near, far) = (s.mul(s.splat(-1.0 / 6.0), s.add(b, c)), s.mul(s.splat(1.0 / 24.0), s.add(d, e)));
        let odd = s.mul_add(s.splat(1.0 / 6.0), s.sub(c, b), s.mul(s.splat(1.0 / 12.0), s.sub(d, e)));
        [s.add(s.mul_add(s.splat(0.25), a, near), far), odd, s.add(s.mul_add(s.splat(4.0), far, near), f)]
    }
}
