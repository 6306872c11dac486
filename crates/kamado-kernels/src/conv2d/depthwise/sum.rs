//! Rows of weighted sums, vectorised over the channels: the convolution and the gradient of its input.

use crate::gemm::Activation;
use crate::simd::{Kernel, Simd};
use crate::transcendental::{sigmoid, tanh};

use super::walk::{Span, Walk};

/// Pixels whose sums are in registers together, so that a weight is loaded once for all.
const PIXELS: usize = 4;

/// `y = activation(Σ w·x + bias)`, kept where the mask is positive, for one row of one image.
pub(super) struct SumRow<'a> {
    pub(super) walk: &'a Walk,
    pub(super) row: usize,
    /// An image.
    pub(super) x: &'a [f32],
    /// One vector of channels for each element of the kernel.
    pub(super) w: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) activation: Activation,
    /// As long as `y`.
    pub(super) mask: Option<&'a [f32]>,
    /// Pixels by channels.
    pub(super) y: &'a mut [f32],
    pub(super) channels: usize,
}

impl Kernel for SumRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let walk = self.walk;
        for span in walk.spans(self.row) {
            // The last pixels of a long run are computed twice rather than one by one.
            let (mut done, count) = (0, span.run.count);
            while done < count {
                if count >= PIXELS {
                    self.pixels::<S, PIXELS>(simd, span, done.min(count - PIXELS));
                    done += PIXELS;
                } else {
                    self.pixels::<S, 1>(simd, span, done);
                    done += 1;
                }
            }
        }
        match self.activation {
            Activation::Sigmoid => self.y.iter_mut().for_each(|v| *v = sigmoid(*v)),
            Activation::Tanh => self.y.iter_mut().for_each(|v| *v = tanh(*v)),
            Activation::None | Activation::Relu => {}
        }
    }
}

impl SumRow<'_> {
    /// All channels of `N` pixels of a span, from its pixel `t` on.
    #[inline(always)]
    fn pixels<S: Simd, const N: usize>(&mut self, simd: S, span: Span<'_>, t: usize) {
        let channels = self.channels;
        let whole = channels - channels % S::LANES;
        for c in (0..whole).step_by(S::LANES) {
            // SAFETY: the channels lie in every pixel; see `vector`.
            unsafe { self.vector::<S, N, true>(simd, span, t, c, S::LANES) };
        }
        if whole < channels {
            // SAFETY: as above.
            unsafe { self.vector::<S, N, false>(simd, span, t, whole, channels - whole) };
        }
    }

    /// `lanes` channels from `c` on.
    ///
    /// # Safety
    /// They must exist, as must the pixels of the span, in an image, a kernel, a bias, a mask and a row as large as the
    /// walk says; `lanes` is that of a vector if `FULL`, and no more otherwise.
    #[inline(always)]
    unsafe fn vector<S: Simd, const N: usize, const FULL: bool>(
        &mut self,
        simd: S,
        span: Span<'_>,
        t: usize,
        c: usize,
        lanes: usize,
    ) {
        let (run, channels) = (span.run, self.channels);
        // SAFETY: the function's.
        let load = |p: *const f32| unsafe { if FULL { simd.load(p) } else { simd.load_first(p, lanes) } };
        // SAFETY: the function's.
        let store = |p: *mut f32, v| unsafe { if FULL { simd.store(p, v) } else { simd.store_first(p, v, lanes) } };
        let mut sums = [self.bias.map_or(simd.splat(0.0), |bias| load(bias.as_ptr().wrapping_add(c))); N];
        let step = run.in_step * channels;
        let x = self.x.as_ptr().wrapping_add(self.walk.start(self.row) + t * step + c);
        let w = self.w.as_ptr().wrapping_add(c);
        for &(from, element) in span.taps {
            let (x, weight) = (x.wrapping_add(from), load(w.wrapping_add(element)));
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = simd.mul_add(load(x.wrapping_add(n * step)), weight, *sum);
            }
        }
        let relu = self.activation == Activation::Relu;
        for (n, mut sum) in sums.into_iter().enumerate() {
            let at = (run.first + (t + n) * run.step) * channels + c;
            if relu {
                sum = simd.max(simd.splat(0.0), sum);
            }
            if let Some(mask) = self.mask {
                sum = simd.keep_where_positive(load(mask.as_ptr().wrapping_add(at)), sum);
            }
            store(self.y.as_mut_ptr().wrapping_add(at), sum);
        }
    }
}
