//! dW from X and dY: the input's patches, transposed, times dY, summed over all pixels.
//!
//! The sum is cut into slices of bands. Each slice fills a partial gradient, whose last row is the bias's, and the
//! partial gradients are added in their order.

use crate::Exec;
use crate::gemm::{Activation, Ahead, Block, Gather, Run, block_scratch};
use crate::simd::{ALIGN_SLACK, Kernel, Shared, Simd, aligned, dispatch};

use super::Conv2d;
use super::forward::Input;
use super::winograd::Winograd;

/// Tasks that the work is cut into, if it is large.
const TASKS: usize = 16;
/// Floats that all partial gradients together may take (16 MiB).
const PARTIALS: usize = 1 << 22;
/// Fewer rows of the gradient than this are not worth another copy of the padded input.
const FEW_ROWS: usize = 48;

impl Conv2d {
    /// Parts of the sum, and parts of the gradient's rows.
    fn cuts(&self) -> (usize, usize) {
        let shape = self.shape();
        let size = shape.w_len() + shape.out_c;
        let slices = TASKS.min(PARTIALS / size.max(1)).min(self.forward.bands()).max(1);
        let blocks = TASKS.div_ceil(slices).min(shape.taps() / FEW_ROWS).max(1);
        (slices, blocks)
    }

    fn partial_len(&self) -> usize {
        (self.shape().w_len() + self.shape().out_c).next_multiple_of(16)
    }

    pub(super) fn kernel_grad_worker(&self) -> usize {
        self.forward.input_scratch() + block_scratch(self.shape().group_out(), self.forward.most_pixels())
    }

    /// Floats of scratch that [`Conv2d::kernel_grad`] needs.
    pub fn kernel_grad_scratch(&self, threads: usize) -> usize {
        if let Some(depthwise) = &self.depthwise {
            return depthwise.kernel_grad_scratch(threads);
        }
        ALIGN_SLACK
            + self
                .winograd_grad()
                .map_or(0, |winograd| winograd.grad_scratch(threads))
                .max(self.cuts().0 * self.partial_len() + threads * self.kernel_grad_worker())
    }

    fn winograd_grad(&self) -> Option<Winograd> {
        self.forward.winograd.filter(Winograd::for_kernel_grad)
    }

    /// Computes the gradient `dw` of the kernel, and of the bias, `db`, from the input and the gradient `dy` of the
    /// output.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn kernel_grad(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        dy: &[f32],
        dw: &mut [f32],
        db: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        let shape = self.shape();
        assert_eq!(
            (x.len(), dy.len(), dw.len()),
            (shape.x_len(), shape.y_len(), shape.w_len()),
            "lengths of x, dy, dw"
        );
        assert!(db.as_ref().is_none_or(|db| db.len() == shape.out_c), "db has one value per output channel");
        let needed = self.kernel_grad_scratch(exec.pool.threads());
        assert!(scratch.len() >= needed, "the scratch has {} of {needed} floats", scratch.len());
        if let Some(depthwise) = &self.depthwise {
            return depthwise.kernel_grad(exec, x, dy, dw, db, scratch);
        }
        if dy.is_empty() {
            dw.fill(0.0);
            db.into_iter().for_each(|db| db.fill(0.0));
            return;
        }
        if let Some(winograd) = self.winograd_grad().filter(|_| exec.isa.bf16().is_none()) {
            return winograd.kernel_grad(exec, x, dy, dw, db, aligned(scratch));
        }
        let (slices, blocks) = self.cuts();
        let (partials, workers) = aligned(scratch).split_at_mut(slices * self.partial_len());
        let (partials, workers) = (Shared::new(partials), Shared::new(workers));
        let (x, with_bias) = (Input(x.as_ptr()), db.is_some());
        exec.pool.run(slices * blocks, |task, worker| {
            let (slice, block) = (task / blocks, task % blocks);
            let partial = partials.ptr().wrapping_add(slice * self.partial_len());
            let scratch = workers.ptr().wrapping_add(worker * self.kernel_grad_worker());
            let bands = self.forward.bands();
            let rows = shape.taps() * block / blocks..shape.taps() * (block + 1) / blocks;
            for index in bands * slice / slices..bands * (slice + 1) / slices {
                let first = index == bands * slice / slices;
                self.band_grad(exec, index, x.ptr(), dy, rows.clone(), !first, partial, scratch);
                if with_bias && block == 0 {
                    self.band_sums(exec, index, dy, !first, partial);
                }
            }
        });
        self.gather(exec, 0, shape.taps(), dw, partials, slices);
        if let Some(db) = db {
            self.gather(exec, shape.taps(), 1, db, partials, slices);
        }
    }

    /// Adds a band's share to `rows` of a partial gradient.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn band_grad(
        &self,
        exec: Exec<'_>,
        index: usize,
        x: *const f32,
        dy: &[f32],
        rows: std::ops::Range<usize>,
        accumulate: bool,
        partial: *mut f32,
        scratch: *mut f32,
    ) {
        let (shape, band) = (self.shape(), self.forward.band(index));
        // SAFETY: x has the shape's length, and the scratch begins with room for the padded copy.
        let a = unsafe { self.forward.input(x, &band, scratch) };
        let scratch = scratch.wrapping_add(self.forward.input_scratch());
        let pixels = self.forward.pixels_of(&band);
        for group in 0..shape.groups {
            let column = group * shape.group_out();
            let block = Block {
                m: shape.taps(),
                n: shape.group_out(),
                k: pixels,
                a: a.wrapping_add(group * shape.group_in()),
                a_rows: self.forward.tap_offsets(),
                a_cols: self.forward.pixel_offsets(),
                b: dy.as_ptr().wrapping_add(self.forward.output_start(&band) + column),
                ldb: shape.out_c,
                b_transposed: false,
                b_packed: false,
                c: partial.wrapping_add(column),
                ldc: shape.out_c,
                bias: std::ptr::null(),
                activation: Activation::None,
                mask: std::ptr::null(),
                accumulate,
                ahead: Ahead::NOTHING,
                bf16: exec.isa.bf16(),
            };
            let block = block.part(rows.clone(), 0..shape.group_out(), 0..pixels);
            dispatch(exec.isa, Run { block, scratch });
        }
    }

    /// Adds the sums of a band of dY to the last row of a partial gradient.
    fn band_sums(&self, exec: Exec<'_>, index: usize, dy: &[f32], accumulate: bool, partial: *mut f32) {
        let (shape, band) = (self.shape(), self.forward.band(index));
        let dy = &dy[self.forward.output_start(&band)..][..self.forward.pixels_of(&band) * shape.out_c];
        // SAFETY: a partial gradient ends with a row for the bias, and only the first block of its slice touches it.
        let sums = unsafe { std::slice::from_raw_parts_mut(partial.add(shape.w_len()), shape.out_c) };
        if !accumulate {
            sums.fill(0.0);
        }
        dispatch(exec.isa, ColumnSums { dy, sums });
    }

    /// `to`, of `rows` rows, becomes the sum of the rows from `first` on of all partial gradients.
    fn gather(&self, exec: Exec<'_>, first: usize, rows: usize, to: &mut [f32], partials: Shared, slices: usize) {
        let n = self.shape().out_c;
        let block = Block {
            m: rows,
            n,
            k: 0,
            a: std::ptr::null(),
            a_rows: crate::gemm::RawOffsets::Stride(0),
            a_cols: crate::gemm::RawOffsets::Stride(0),
            b: std::ptr::null(),
            ldb: 0,
            b_transposed: false,
            b_packed: false,
            c: to.as_mut_ptr(),
            ldc: n,
            bias: std::ptr::null(),
            activation: Activation::None,
            mask: std::ptr::null(),
            accumulate: false,
            ahead: Ahead::NOTHING,
            bf16: exec.isa.bf16(),
        };
        let (partials, stride) = (partials.ptr().wrapping_add(first * n), self.partial_len());
        Gather { block, partials, ld: n, stride, slices }.run_all(exec);
    }
}

/// `sums += Σ rows of dy`.
struct ColumnSums<'a> {
    dy: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for ColumnSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let n = self.sums.len();
        for first in (0..n).step_by(S::LANES) {
            let lanes = S::LANES.min(n - first);
            let sums = self.sums[first..].as_mut_ptr();
            // SAFETY: `lanes` columns from `first` on lie in every row.
            unsafe {
                let mut sum = simd.load_first(sums, lanes);
                for row in self.dy.chunks_exact(n) {
                    let v = row.as_ptr().add(first);
                    sum = simd.add(sum, if lanes == S::LANES { simd.load(v) } else { simd.load_first(v, lanes) });
                }
                simd.store_first(sums, sum, lanes);
            }
        }
    }
}
