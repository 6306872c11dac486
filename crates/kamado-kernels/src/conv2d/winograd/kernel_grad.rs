//! dW and db from X and dY by tiles: `dW = Gᵀ · (Σ over tiles of (Bᵀ·x·B) ⊙ (A·dy·Aᵀ)) · G`.
//!
//! The sum is cut into slices of tiles by shape alone; their sums are added in order.

use crate::Exec;
use crate::simd::{Kernel, Shared, Simd, dispatch};

use super::super::forward::Input as Source;
use super::transform::{FilterGrad, Input, Linear, OutputGrad, Square};
use super::{IN, OUTSIDE, POSITIONS, Target, Winograd, load, multiply, spread};

/// Slices that the sum is cut into.
const SLICES: usize = 16;
/// Fewer slices than this would leave threads without work.
const FEW_SLICES: usize = 4;
/// Floats that the sums of all slices together may take (16 MiB).
const SUMS: usize = 1 << 22;
/// Tiles of a chunk: enough for the sums in memory to be cheap beside the products.
const TILES: usize = 96;

impl Winograd {
    /// Slices of the sum, or none if the kernel is so large that the direct way is better.
    fn slices(&self) -> usize {
        SLICES.min(SUMS / self.sums_len()).min(self.tiles().div_ceil(TILES))
    }

    /// Whether the gradient of the kernel is to be computed this way.
    pub(in super::super) fn for_kernel_grad(&self) -> bool {
        SUMS / self.sums_len() >= FEW_SLICES
    }

    /// Floats between the rows of the transformed input; rows a power of two apart would share few lines of the cache.
    fn input_row(&self) -> usize {
        self.steps().0 + 16
    }

    fn grad_steps(&self) -> (usize, usize) {
        (TILES * self.input_row() + 16, TILES * self.shape.out_c.next_multiple_of(32) + 16)
    }

    fn sums_step(&self) -> usize {
        self.shape.in_c * self.steps().1
    }

    /// Floats of a slice's sums: of the products, and of dY for the bias.
    fn sums_len(&self) -> usize {
        POSITIONS * self.sums_step() + self.steps().1
    }

    fn grad_worker(&self) -> usize {
        let (v, z) = self.grad_steps();
        POSITIONS * (v + z)
    }

    fn zeros(&self) -> usize {
        let (input, output) = self.steps();
        input.max(output)
    }

    /// Floats of aligned scratch that [`Winograd::kernel_grad`] needs.
    pub(in super::super) fn grad_scratch(&self, threads: usize) -> usize {
        self.zeros() + self.slices() * self.sums_len() + threads * self.grad_worker()
    }

    /// Computes the gradients of the kernel and the bias; the lengths have been checked.
    pub(in super::super) fn kernel_grad(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        dy: &[f32],
        dw: &mut [f32],
        db: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        let (zeros, scratch) = scratch.split_at_mut(self.zeros());
        zeros.fill(0.0);
        let (sums, workers) = scratch.split_at_mut(self.slices() * self.sums_len());
        let (tiles, slices) = (self.tiles(), self.slices());
        let (zeros, shared, workers) = (Source(zeros.as_ptr()), Shared::new(sums), Shared::new(workers));
        let (x, dy, dw) = (Source(x.as_ptr()), Source(dy.as_ptr()), Shared::new(dw));
        exec.pool.run(slices, |slice, worker| {
            let scratch = workers.offset(worker * self.grad_worker()).ptr();
            let sums = shared.offset(slice * self.sums_len()).ptr();
            let tiles = tiles * slice / slices..tiles * (slice + 1) / slices;
            dispatch(exec.isa, Slice { plan: self, x, dy, zeros, tiles, sums, scratch });
        });
        exec.pool.run(self.shape.in_c, |channel, _| {
            dispatch(exec.isa, Gather { plan: self, sums: shared, dw, channel });
        });
        if let Some(db) = db {
            let first = POSITIONS * self.sums_step();
            db.copy_from_slice(&sums[first..][..db.len()]);
            for slice in 1..slices {
                let part = &sums[slice * self.sums_len() + first..];
                db.iter_mut().zip(part).for_each(|(db, part)| *db += part);
            }
        }
    }
}

/// The sums over a range of tiles.
struct Slice<'a> {
    plan: &'a Winograd,
    x: Source,
    dy: Source,
    zeros: Source,
    tiles: std::ops::Range<usize>,
    sums: *mut f32,
    scratch: *mut f32,
}

impl Kernel for Slice<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (plan, shape) = (self.plan, &self.plan.shape);
        let (row, (v_step, z_step)) = (plan.input_row(), plan.grad_steps());
        let (v, z) = (self.scratch, self.scratch.wrapping_add(POSITIONS * v_step));
        let bias = self.sums.wrapping_add(POSITIONS * plan.sums_step());
        // SAFETY: the slice's sums end with whole vectors for the bias.
        unsafe { std::slice::from_raw_parts_mut(bias, plan.steps().1) }.fill(0.0);
        for first in self.tiles.clone().step_by(TILES) {
            let count = TILES.min(self.tiles.end - first);
            for slot in 0..count {
                let tile = plan.tile(first + slot);
                let pixels = plan.pixels(self.x.ptr(), self.zeros.ptr(), tile);
                let to = Target { start: v.wrapping_add(slot * row), step: v_step, panel: row, width: row };
                // SAFETY: the pixels are in x or are as many zeros, and the scratch has whole vectors for the tile.
                unsafe { spread::<Input, S, _, _>(simd, &pixels, shape.in_c, to) };
                let pixels = plan.results(tile).map(|line| {
                    line.map(|at| if at == OUTSIDE { self.zeros.ptr() } else { self.dy.ptr().wrapping_add(at) })
                });
                let width = 2 * S::LANES;
                let start = z.wrapping_add(slot * width);
                let to = Target { start, step: z_step, panel: count * width, width };
                // SAFETY: as above.
                unsafe { spread::<OutputGrad, S, _, _>(simd, &pixels, shape.out_c, to) };
                // SAFETY: the bias has whole vectors.
                unsafe { add_up(simd, &pixels, shape.out_c, bias) };
            }
            for position in 0..IN * IN {
                let (a, b) = (v.wrapping_add(position * v_step), z.wrapping_add(position * z_step));
                let c = self.sums.wrapping_add(position * plan.sums_step());
                let (sizes, add_c) = ([shape.in_c, shape.out_c, count], first > self.tiles.start);
                // SAFETY: `count` rows are in both parts of the scratch, and the sums have whole vectors.
                unsafe { multiply(simd, sizes, a, [1, row], b, c, plan.steps().1, add_c) };
            }
        }
    }
}

/// Adds the pixels to `sums`, channel by channel.
///
/// # Safety
/// Each pixel must have `channels` floats, `sums` whole vectors.
#[inline(always)]
unsafe fn add_up<S: Simd, const A: usize>(simd: S, pixels: &[[*const f32; A]; A], channels: usize, sums: *mut f32) {
    for c in (0..channels).step_by(S::LANES) {
        let lanes = S::LANES.min(channels - c);
        // SAFETY: the caller vouches for the channels.
        unsafe {
            let mut sum = simd.splat(0.0);
            for pixel in pixels.iter().flatten() {
                sum = simd.add(sum, load(simd, pixel.wrapping_add(c), lanes));
            }
            simd.store(sums.add(c), simd.add(simd.load(sums.add(c)), sum));
        }
    }
}

/// Adds the slices' sums of one input channel and transforms them to the gradient.
struct Gather<'a> {
    plan: &'a Winograd,
    sums: Shared,
    dw: Shared,
    channel: usize,
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (plan, shape) = (self.plan, &self.plan.shape);
        for o in (0..shape.out_c).step_by(S::LANES) {
            let mut half = Square::<S::V, IN, 3>::new();
            for i in 0..IN {
                let mut row = [simd.splat(0.0); IN];
                for (j, sum) in row.iter_mut().enumerate() {
                    let at = (i * IN + j) * plan.sums_step() + self.channel * plan.steps().1 + o;
                    for slice in 0..plan.slices() {
                        // SAFETY: the rows of the sums are whole vectors.
                        let part = unsafe { simd.load(self.sums.ptr().wrapping_add(slice * plan.sums_len() + at)) };
                        *sum = simd.add(*sum, part);
                    }
                }
                half.set_column(i, FilterGrad::apply(simd, row));
            }
            let lanes = S::LANES.min(shape.out_c - o);
            for q in 0..3 {
                // SAFETY: all columns are set.
                let column = FilterGrad::apply(simd, unsafe { half.row(q) });
                for (p, v) in column.into_iter().enumerate() {
                    let row = (p * 3 + q) * shape.in_c + self.channel;
                    // SAFETY: dW has `lanes` more channels there, and no other task has this input channel.
                    unsafe { simd.store_first(self.dw.ptr().wrapping_add(row * shape.out_c + o), v, lanes) };
                }
            }
        }
    }
}
