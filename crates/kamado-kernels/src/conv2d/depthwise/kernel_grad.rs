//! What a row of an image adds to the gradients of the kernel and of the bias.

use crate::simd::{Kernel, Simd};

use super::walk::{Span, Tap, Walk};

/// Sums that are in registers together: the nine of a 3x3 kernel hide the latency of their additions.
const MANY: usize = 9;
const FEW: usize = 3;
/// Pixels after which the next channels have their turn, so that memory is read in order.
const PIXELS: usize = 16;

/// `dw += Σ x·dy` and `db += Σ dy` over one row of the output of one image.
pub(super) struct RowGrad<'a> {
    pub(super) walk: &'a Walk,
    pub(super) row: usize,
    /// An image.
    pub(super) x: &'a [f32],
    /// The row.
    pub(super) dy: &'a [f32],
    /// One vector of channels for each element of the kernel.
    pub(super) dw: &'a mut [f32],
    pub(super) db: &'a mut [f32],
}

impl Kernel for RowGrad<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let walk = self.walk;
        for span in walk.spans(self.row) {
            for from in (0..span.run.count).step_by(PIXELS) {
                let mut taps = span.taps;
                while !taps.is_empty() {
                    taps = match taps.len() {
                        MANY.. => self.taps::<S, MANY>(simd, span, from, taps),
                        FEW.. => self.taps::<S, FEW>(simd, span, from, taps),
                        _ => self.taps::<S, 1>(simd, span, from, taps),
                    };
                }
            }
        }
        for dy in self.dy.chunks_exact(self.db.len()) {
            self.db.iter_mut().zip(dy).for_each(|(sum, v)| *sum += v);
        }
    }
}

impl RowGrad<'_> {
    /// Adds what at most [`PIXELS`] pixels of a span give to the gradients of the first `N` of `taps`, for all channels;
    /// the other taps.
    #[inline(always)]
    fn taps<'t, S: Simd, const N: usize>(
        &mut self,
        simd: S,
        span: Span<'_>,
        from: usize,
        taps: &'t [Tap],
    ) -> &'t [Tap] {
        let Some((now, later)) = taps.split_first_chunk::<N>() else { return &[] };
        let channels = self.db.len();
        let whole = channels - channels % S::LANES;
        for c in (0..whole).step_by(S::LANES) {
            // SAFETY: the channels lie in every pixel; see `vector`.
            unsafe { self.vector::<S, N, true>(simd, span, from, now, c, S::LANES) };
        }
        if whole < channels {
            // SAFETY: as above.
            unsafe { self.vector::<S, N, false>(simd, span, from, now, whole, channels - whole) };
        }
        later
    }

    /// `lanes` channels from `c` on.
    ///
    /// # Safety
    /// They must exist, as must the pixels of the span, in an image, a kernel and a row as large as the walk says;
    /// `lanes` is that of a vector if `FULL`, and no more otherwise.
    #[inline(always)]
    unsafe fn vector<S: Simd, const N: usize, const FULL: bool>(
        &mut self,
        simd: S,
        span: Span<'_>,
        from: usize,
        taps: &[Tap; N],
        c: usize,
        lanes: usize,
    ) {
        let (run, channels) = (span.run, self.db.len());
        // SAFETY: the function's.
        let load = |p: *const f32| unsafe { if FULL { simd.load(p) } else { simd.load_first(p, lanes) } };
        // SAFETY: the function's.
        let store = |p: *mut f32, v| unsafe { if FULL { simd.store(p, v) } else { simd.store_first(p, v, lanes) } };
        let dw = self.dw.as_mut_ptr().wrapping_add(c);
        let mut sums = taps.map(|(_, element)| load(dw.wrapping_add(element)));
        let mut dy = self.dy.as_ptr().wrapping_add((run.first + from * run.step) * channels + c);
        let x = self.x.as_ptr().wrapping_add(self.walk.start(self.row) + from * run.in_step * channels + c);
        let mut xs = taps.map(|(at, _)| x.wrapping_add(at));
        for _ in from..run.count.min(from + PIXELS) {
            let g = load(dy);
            // The next row: channel by channel, pixels are too far apart for the processor to foresee them.
            simd.prefetch(dy.wrapping_add(self.dy.len()));
            simd.prefetch(xs[N - 1].wrapping_add(self.walk.in_line()));
            for (sum, x) in sums.iter_mut().zip(&mut xs) {
                *sum = simd.mul_add(load(*x), g, *sum);
                *x = x.wrapping_add(run.in_step * channels);
            }
            dy = dy.wrapping_add(run.step * channels);
        }
        for (sum, (_, element)) in sums.into_iter().zip(taps) {
            store(dw.wrapping_add(*element), sum);
        }
    }
}
