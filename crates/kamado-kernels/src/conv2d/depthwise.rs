//! Depthwise convolution: every channel has kernels of its own, so `y[b, i, j, c·m + k] = Σ x[b, …, …, c] · w[p, q, 0, c·m + k]`
//! with `m` kernels to a channel.
//!
//! There is no sum over channels to make a matrix product of: all three directions are sums over the kernel's elements,
//! vectorised over the channels, straight from the images. With several kernels to a channel, an image whose channels are
//! repeated is made first.

use crate::Exec;
use crate::gemm::{Activation, Epilogue};
use crate::simd::{Shared, dispatch};

use super::Conv2dShape;

mod kernel_grad;
mod sum;
mod walk;

use kernel_grad::RowGrad;
use sum::SumRow;
use walk::{Axis, Walk};

/// Multiply-adds that a task aims at.
const TASK: usize = 1 << 17;
/// Parts into which the sum of the kernel's gradient is cut.
const SLICES: usize = 16;

/// A depthwise convolution of one shape, with its tables.
#[derive(Debug)]
pub(super) struct Depthwise {
    shape: Conv2dShape,
    forward: Walk,
    backward: Walk,
}

impl Depthwise {
    /// Whether each channel is a group.
    pub(super) fn fits(shape: &Conv2dShape) -> bool {
        shape.groups > 1 && shape.groups == shape.in_c && shape.out_c.is_multiple_of(shape.groups)
    }

    /// Computes the tables.
    ///
    /// # Panics
    /// If [`Depthwise::fits`] says no, or a stride or dilation is 0.
    pub(super) fn new(shape: Conv2dShape) -> Self {
        assert!(Depthwise::fits(&shape), "{} groups of {} and {} channels", shape.groups, shape.in_c, shape.out_c);
        let steps = [shape.stride_h, shape.stride_w, shape.dilation_h, shape.dilation_w];
        assert!(steps.iter().all(|s| *s > 0), "strides and dilations are at least 1: {steps:?}");
        let rows = Axis {
            input: shape.in_h,
            output: shape.out_h,
            kernel: shape.kernel_h,
            stride: shape.stride_h,
            dilation: shape.dilation_h,
            pad: shape.pad_top,
        };
        let columns = Axis {
            input: shape.in_w,
            output: shape.out_w,
            kernel: shape.kernel_w,
            stride: shape.stride_w,
            dilation: shape.dilation_w,
            pad: shape.pad_left,
        };
        Depthwise {
            shape,
            forward: Walk::forward(&rows, &columns, shape.out_c),
            backward: Walk::backward(&rows, &columns, shape.out_c),
        }
    }

    fn multiplier(&self) -> usize {
        self.shape.out_c / self.shape.in_c
    }

    /// Floats of an input image.
    fn image_len(&self) -> usize {
        self.shape.in_h * self.shape.in_w * self.shape.in_c
    }

    /// Floats of an output row.
    fn line(&self) -> usize {
        self.shape.out_w * self.shape.out_c
    }

    /// Floats of an image with repeated channels; none if that is the image itself.
    fn repeated_len(&self) -> usize {
        if self.multiplier() == 1 { 0 } else { self.image_len() * self.multiplier() }
    }

    /// Rows of an image of `rows` rows of `width` pixels that one task handles: all, if channels have to be repeated.
    fn rows_per_task(&self, rows: usize, width: usize) -> usize {
        let work = width * self.shape.out_c * self.shape.kernel_h * self.shape.kernel_w;
        if self.multiplier() == 1 { (TASK / work.max(1)).clamp(1, rows.max(1)) } else { rows.max(1) }
    }

    /// Image `index` of x, its channels repeated in `scratch` if there are several kernels to a channel.
    fn image<'a>(&self, x: &'a [f32], index: usize, scratch: &'a mut [f32]) -> &'a [f32] {
        let image = &x[index * self.image_len()..][..self.image_len()];
        if self.multiplier() == 1 {
            return image;
        }
        for (to, v) in scratch.chunks_exact_mut(self.multiplier()).zip(image) {
            to.fill(*v);
        }
        scratch
    }

    /// Floats of scratch that [`Depthwise::forward`] and [`Depthwise::input_grad`] need.
    pub(super) fn scratch(&self, threads: usize) -> usize {
        threads * self.repeated_len()
    }

    /// Computes `y = epilogue(conv(x, w))`.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape, or the epilogue has more than a bias and an activation.
    pub(super) fn forward(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        w: &[f32],
        epilogue: Epilogue<'_>,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let shape = &self.shape;
        let Epilogue { bias, activation, mask, accumulate } = epilogue;
        assert!(!accumulate && mask.is_none(), "a depthwise convolution ends with a bias and an activation only");
        assert_eq!((x.len(), w.len(), y.len()), (shape.x_len(), shape.w_len(), shape.y_len()), "lengths of x, w, y");
        assert!(bias.is_none_or(|b| b.len() == shape.out_c), "the bias has one value per output channel");
        assert!(scratch.len() >= self.scratch(exec.pool.threads()), "the scratch has {} floats", scratch.len());
        if y.is_empty() {
            return;
        }
        let rows = self.rows_per_task(shape.out_h, shape.out_w);
        let tasks = shape.out_h.div_ceil(rows);
        let (y, scratch) = (Shared::new(y), Shared::new(scratch));
        exec.pool.run(shape.batch * tasks, |task, worker| {
            // SAFETY: each worker has its part of the scratch.
            let repeated = unsafe { scratch.slice(worker * self.repeated_len(), self.repeated_len()) };
            let (index, first) = (task / tasks, task % tasks * rows);
            let x = self.image(x, index, repeated);
            for row in first..shape.out_h.min(first + rows) {
                // SAFETY: each task has rows of its own.
                let y = unsafe { y.slice((index * shape.out_h + row) * self.line(), self.line()) };
                let (walk, channels) = (&self.forward, shape.out_c);
                dispatch(exec.isa, SumRow { walk, row, x, w, bias, activation, mask, y, channels });
            }
        });
    }

    /// Computes the gradient `dx` of the input from the gradient `dy` of the output, kept where `mask` is positive and 0
    /// elsewhere.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub(super) fn input_grad(
        &self,
        exec: Exec<'_>,
        dy: &[f32],
        w: &[f32],
        mask: Option<&[f32]>,
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        let shape = &self.shape;
        let lengths = (shape.y_len(), shape.w_len(), shape.x_len());
        assert_eq!((dy.len(), w.len(), dx.len()), lengths, "lengths of dy, w, dx");
        assert!(mask.is_none_or(|mask| mask.len() == dx.len()), "the mask is as long as dx");
        assert!(scratch.len() >= self.scratch(exec.pool.threads()), "the scratch has {} floats", scratch.len());
        if dx.is_empty() {
            return;
        }
        let rows = self.rows_per_task(shape.in_h, shape.in_w);
        let tasks = shape.in_h.div_ceil(rows);
        let (line, multiplier, out_len) = (shape.in_w * shape.in_c, self.multiplier(), shape.out_h * self.line());
        let (dx, scratch) = (Shared::new(dx), Shared::new(scratch));
        exec.pool.run(shape.batch * tasks, |task, worker| {
            let (index, first) = (task / tasks, task % tasks * rows);
            let x = &dy[index * out_len..][..out_len];
            for row in first..shape.in_h.min(first + rows) {
                let start = (index * shape.in_h + row) * line;
                // SAFETY: each task has rows of its own.
                let dx = unsafe { dx.slice(start, line) };
                let mask = mask.map(|mask| &mask[start..start + line]);
                let (walk, channels) = (&self.backward, shape.out_c);
                let (bias, activation) = (None, Activation::None);
                if multiplier == 1 {
                    dispatch(exec.isa, SumRow { walk, row, x, w, bias, activation, mask, y: dx, channels });
                    continue;
                }
                // SAFETY: each worker has its part of the scratch, which is longer than a row.
                let y = unsafe { scratch.slice(worker * self.repeated_len(), line * multiplier) };
                let sum = SumRow { walk, row, x, w, bias, activation, mask: None, y: &mut *y, channels };
                dispatch(exec.isa, sum);
                dx.iter_mut().zip(y.chunks_exact(multiplier)).for_each(|(dx, y)| *dx = y.iter().sum());
                if let Some(mask) = mask {
                    dx.iter_mut().zip(mask).for_each(|(v, mask)| *v = if *mask > 0.0 { *v } else { 0.0 });
                }
            }
        });
    }

    /// The rows of all images, in as many parts as the sum of the kernel's gradient is cut into; whole images, if
    /// channels have to be repeated.
    fn slices(&self) -> (usize, usize) {
        let unit = if self.multiplier() == 1 { 1 } else { self.shape.out_h.max(1) };
        let rows = (self.shape.batch * self.shape.out_h).div_ceil(unit);
        (rows.div_ceil(SLICES).max(1) * unit, rows.min(SLICES))
    }

    fn partial_len(&self) -> usize {
        self.shape.w_len() + self.shape.out_c
    }

    /// Floats of scratch that [`Depthwise::kernel_grad`] needs.
    pub(super) fn kernel_grad_scratch(&self, threads: usize) -> usize {
        self.slices().1 * self.partial_len() + threads * self.repeated_len()
    }

    /// Computes the gradient `dw` of the kernel, and of the bias, `db`, from the input and the gradient `dy` of the
    /// output.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub(super) fn kernel_grad(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        dy: &[f32],
        dw: &mut [f32],
        db: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        let shape = &self.shape;
        let lengths = (shape.x_len(), shape.y_len(), shape.w_len());
        assert_eq!((x.len(), dy.len(), dw.len()), lengths, "lengths of x, dy, dw");
        assert!(db.as_ref().is_none_or(|db| db.len() == shape.out_c), "db has one value per output channel");
        let (rows, slices) = self.slices();
        let needed = self.kernel_grad_scratch(exec.pool.threads());
        assert!(scratch.len() >= needed, "the scratch has {} of {needed} floats", scratch.len());
        let (partials, repeated) = scratch.split_at_mut(slices * self.partial_len());
        let (shared, repeated) = (Shared::new(partials), Shared::new(repeated));
        exec.pool.run(slices, |slice, worker| {
            // SAFETY: each slice has a partial gradient of its own, and each worker its part of the scratch.
            let (partial, repeated) = unsafe {
                let len = self.repeated_len();
                (shared.slice(slice * self.partial_len(), self.partial_len()), repeated.slice(worker * len, len))
            };
            partial.fill(0.0);
            let end = (shape.batch * shape.out_h).min((slice + 1) * rows);
            self.add_rows(exec, (slice * rows).min(end)..end, x, dy, partial, repeated);
        });
        dw.fill(0.0);
        let mut db = db;
        db.iter_mut().for_each(|db| db.fill(0.0));
        for partial in partials.chunks_exact(self.partial_len().max(1)) {
            let add = |to: &mut [f32], from: &[f32]| to.iter_mut().zip(from).for_each(|(to, v)| *to += v);
            add(dw, partial);
            db.iter_mut().for_each(|db| add(db, &partial[shape.w_len()..]));
        }
    }

    /// Adds what some rows of all images give to a partial gradient.
    fn add_rows(
        &self,
        exec: Exec<'_>,
        rows: std::ops::Range<usize>,
        x: &[f32],
        dy: &[f32],
        partial: &mut [f32],
        repeated: &mut [f32],
    ) {
        let (shape, line) = (&self.shape, self.line());
        let (dw, db) = partial.split_at_mut(shape.w_len());
        let mut at = rows.start;
        while at < rows.end {
            let (index, first) = (at / shape.out_h, at % shape.out_h);
            let last = shape.out_h.min(first + rows.end - at);
            let x = self.image(x, index, repeated);
            for row in first..last {
                let dy = &dy[(index * shape.out_h + row) * line..][..line];
                let walk = &self.forward;
                dispatch(exec.isa, RowGrad { walk, row, x, dy, dw: &mut *dw, db: &mut *db });
            }
            at += last - first;
        }
    }
}
