//! Y = conv(X, W) by tiles.

use crate::Exec;
use crate::gemm::{Activation, Epilogue};
use crate::simd::{Kernel, Shared, Simd, dispatch};

use super::super::forward::Input as Source;
use super::transform::{Filter, Input, Linear, Output, Square};
use super::{CHUNK, CHUNKS, IN, MOST_TILES, OUT, OUTSIDE, POSITIONS, STRIP, Target, Winograd, load, multiply, spread};

impl Winograd {
    /// Whether the algorithm can apply the activation: only if it is no more than a maximum.
    pub(in super::super) fn finishes(activation: Activation) -> bool {
        matches!(activation, Activation::None | Activation::Relu)
    }

    /// Tiles of a chunk.
    fn chunk(&self) -> usize {
        let (v, m) = self.steps();
        let fits = CHUNK / (POSITIONS * (v + m)) / STRIP * STRIP;
        fits.min((self.tiles() / CHUNKS).next_multiple_of(STRIP)).clamp(STRIP, MOST_TILES)
    }

    /// Floats of one position in a chunk's transformed input and in its products. A cache line more than needed keeps
    /// the positions from falling on each other in the cache.
    fn position_steps(&self) -> (usize, usize) {
        let (v, m) = self.steps();
        (self.chunk() * v + 16, self.chunk() * m + 16)
    }

    fn kernel_step(&self) -> usize {
        self.shape.in_c * self.shape.out_c.next_multiple_of(32) + 16
    }

    fn worker_scratch(&self) -> usize {
        let (v, m) = self.position_steps();
        POSITIONS * (v + m)
    }

    /// Floats of aligned scratch that [`Winograd::convolve`] needs.
    pub(in super::super) fn scratch(&self, threads: usize) -> usize {
        self.steps().0 + POSITIONS * self.kernel_step() + threads * self.worker_scratch()
    }

    /// Computes `y = epilogue(conv(x, w))`; the lengths have been checked, and [`Winograd::finishes`] the activation.
    pub(in super::super) fn convolve(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        w: &[f32],
        epilogue: Epilogue<'_>,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (zeros, scratch) = scratch.split_at_mut(self.steps().0);
        let (kernel, workers) = scratch.split_at_mut(POSITIONS * self.kernel_step());
        zeros.fill(0.0);
        let (zeros, kernel, workers) = (Source(zeros.as_ptr()), Shared::new(kernel), Shared::new(workers));
        let (x, w, y) = (Source(x.as_ptr()), Source(w.as_ptr()), Shared::new(y));
        exec.pool.run(self.shape.in_c, |channel, _| dispatch(exec.isa, PackKernel { plan: self, w, kernel, channel }));
        exec.pool.run(self.tiles().div_ceil(self.chunk()), |chunk, worker| {
            let scratch = workers.offset(worker * self.worker_scratch()).ptr();
            let first = chunk * self.chunk();
            let count = self.chunk().min(self.tiles() - first);
            dispatch(exec.isa, Chunk { plan: self, x, zeros, kernel, epilogue, y, first, count, scratch });
        });
    }
}

/// Transforms the kernel of one input channel into panels.
struct PackKernel<'a> {
    plan: &'a Winograd,
    w: Source,
    kernel: Shared,
    channel: usize,
}

impl Kernel for PackKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (width, shape, step) = (2 * S::LANES, &self.plan.shape, self.plan.kernel_step());
        let row = |tap: usize| self.w.ptr().wrapping_add((tap * shape.in_c + self.channel) * shape.out_c);
        let taps = [[row(0), row(1), row(2)], [row(3), row(4), row(5)], [row(6), row(7), row(8)]];
        let start = self.kernel.ptr().wrapping_add(self.channel * width);
        let to = Target { start, step, panel: shape.in_c * width, width };
        // SAFETY: W has a row of out_c floats for each tap and channel, and the panels are whole vectors.
        unsafe { spread::<Filter, S, _, _>(simd, &taps, shape.out_c, to) };
    }
}

/// `count` tiles from `first` on.
struct Chunk<'a> {
    plan: &'a Winograd,
    x: Source,
    zeros: Source,
    kernel: Shared,
    epilogue: Epilogue<'a>,
    y: Shared,
    first: usize,
    count: usize,
    scratch: *mut f32,
}

impl Kernel for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (plan, shape) = (self.plan, &self.plan.shape);
        let ((v_row, m_row), (v_step, m_step)) = (plan.steps(), plan.position_steps());
        let (v, m) = (self.scratch, self.scratch.wrapping_add(POSITIONS * v_step));
        for slot in 0..self.count {
            let pixels = plan.pixels(self.x.ptr(), self.zeros.ptr(), plan.tile(self.first + slot));
            let to = Target { start: v.wrapping_add(slot * v_row), step: v_step, panel: v_row, width: v_row };
            // SAFETY: the pixels are in x or are as many zeros, and the scratch has a row of whole vectors for the tile.
            unsafe { spread::<Input, S, _, _>(simd, &pixels, shape.in_c, to) };
        }
        for position in 0..IN * IN {
            let kernel = self.kernel.ptr().wrapping_add(position * plan.kernel_step());
            let (a, c) = (v.wrapping_add(position * v_step), m.wrapping_add(position * m_step));
            let sizes = [self.count, shape.out_c, shape.in_c];
            // SAFETY: `count` rows of whole vectors are in both parts of the scratch.
            unsafe { multiply(simd, sizes, a, [v_row, 1], kernel, c, m_row, false) };
        }
        for slot in 0..self.count {
            let places = plan.results(plan.tile(self.first + slot));
            let mut o = 0;
            while o < shape.out_c {
                let mut half = Square::<S::V, IN, OUT>::new();
                for i in 0..IN {
                    let mut row = [simd.splat(0.0); IN];
                    for (j, v) in row.iter_mut().enumerate() {
                        let at = m.wrapping_add((i * IN + j) * m_step + slot * m_row + o);
                        // SAFETY: the rows of the products are whole vectors.
                        *v = unsafe { simd.load(at) };
                    }
                    half.set_column(i, Output::apply(simd, row));
                }
                let finish = Finish::new(simd, &self, o);
                for j in 0..OUT {
                    // SAFETY: all columns are set.
                    let column = Output::apply(simd, unsafe { half.row(j) });
                    for (line, v) in places.iter().zip(column) {
                        if line[j] != OUTSIDE {
                            // SAFETY: the place is in y, and no other task has this tile.
                            unsafe { finish.store(simd, line[j], v) };
                        }
                    }
                }
                o += S::LANES;
            }
        }
    }
}

/// The epilogue for one vector of channels.
struct Finish<S: Simd> {
    y: *mut f32,
    mask: *const f32,
    accumulate: bool,
    bias: S::V,
    /// What no result is below: 0 for a relu.
    floor: S::V,
    lanes: usize,
}

impl<S: Simd> Finish<S> {
    #[inline(always)]
    fn new(simd: S, chunk: &Chunk<'_>, o: usize) -> Self {
        let Epilogue { bias, activation, mask, accumulate } = chunk.epilogue;
        let lanes = S::LANES.min(chunk.plan.shape.out_c - o);
        let bias = match bias {
            // SAFETY: `lanes` floats from channel `o` on lie in the bias.
            Some(bias) => unsafe { load(simd, bias.as_ptr().wrapping_add(o), lanes) },
            None => simd.splat(0.0),
        };
        let floor = simd.splat(if activation == Activation::Relu { 0.0 } else { f32::NEG_INFINITY });
        let mask = mask.map_or(std::ptr::null(), |mask| mask.as_ptr().wrapping_add(o));
        Finish { y: chunk.y.ptr().wrapping_add(o), mask, accumulate, bias, floor, lanes }
    }

    /// # Safety
    /// `lanes` floats at `at` must lie in y and in the mask, if there is one.
    #[inline(always)]
    unsafe fn store(&self, simd: S, at: usize, mut v: S::V) {
        let y = self.y.wrapping_add(at);
        // SAFETY: the caller vouches for y and the mask.
        unsafe {
            if self.accumulate {
                v = simd.add(load(simd, y, self.lanes), v);
            }
            v = simd.max(self.floor, simd.add(v, self.bias));
            if !self.mask.is_null() {
                v = simd.keep_where_positive(load(simd, self.mask.wrapping_add(at), self.lanes), v);
            }
            if self.lanes == S::LANES {
                simd.store(y, v)
            } else {
                simd.store_first(y, v, self.lanes)
            };
        }
    }
}
