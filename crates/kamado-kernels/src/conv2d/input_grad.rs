//! dX from dY: a convolution with the kernel turned around, or, with strides, products scattered over the input.

use crate::Exec;
use crate::gemm::{Activation, Ahead, Block, RawOffsets, block_scratch, pack_whole, packed_whole};
use crate::isa::Bf16;
use crate::simd::{ALIGN_SLACK, Kernel, Shared, Simd, aligned, dispatch};

use super::{Conv2d, Conv2dShape};

/// Output pixels whose products are held before they are scattered.
const PIXELS: usize = 128;

impl Conv2d {
    /// Floats of scratch that [`Conv2d::input_grad`] needs.
    pub fn input_grad_scratch(&self, threads: usize) -> usize {
        if let Some(depthwise) = &self.depthwise {
            return depthwise.scratch(threads);
        }
        let shape = self.shape();
        ALIGN_SLACK
            + match &self.backward {
                Some(backward) => shape.w_len().next_multiple_of(16) + backward.scratch(threads),
                None => packed_whole(shape.group_out(), shape.taps()) + threads * scatter_scratch(shape),
            }
    }

    /// Computes the gradient `dx` of the input from the gradient `dy` of the output, kept where `mask` is positive and 0
    /// elsewhere. With the layer's input as the mask, where that is the output of a relu, this is the relu's gradient.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn input_grad(
        &self,
        exec: Exec<'_>,
        dy: &[f32],
        w: &[f32],
        mask: Option<&[f32]>,
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        let shape = self.shape();
        assert_eq!(
            (dy.len(), w.len(), dx.len()),
            (shape.y_len(), shape.w_len(), shape.x_len()),
            "lengths of dy, w, dx"
        );
        assert!(mask.is_none_or(|mask| mask.len() == dx.len()), "the mask is as long as dx");
        let needed = self.input_grad_scratch(exec.pool.threads());
        assert!(scratch.len() >= needed, "the scratch has {} of {needed} floats", scratch.len());
        if let Some(depthwise) = &self.depthwise {
            return depthwise.input_grad(exec, dy, w, mask, dx, scratch);
        }
        let scratch = aligned(scratch);
        match &self.backward {
            Some(backward) => {
                let (turned, scratch) = scratch.split_at_mut(shape.w_len().next_multiple_of(16));
                turn_around(shape, w, &mut turned[..shape.w_len()]);
                backward.convolve_masked(exec, dy, &turned[..shape.w_len()], mask, dx, scratch);
            }
            None => scatter(exec, shape, dy, w, mask, dx, scratch),
        }
    }
}

/// `turned[p, q, o, c] = w[-p, -q, c, o]`, within each group.
fn turn_around(shape: &Conv2dShape, w: &[f32], turned: &mut [f32]) {
    let (ci, co) = (shape.group_in(), shape.group_out());
    let elements = shape.kernel_h * shape.kernel_w;
    for element in 0..elements {
        let from = &w[element * ci * shape.out_c..][..ci * shape.out_c];
        let to = &mut turned[(elements - 1 - element) * co * shape.in_c..][..co * shape.in_c];
        for group in 0..shape.groups {
            for c in 0..ci {
                for o in 0..co {
                    to[o * shape.in_c + group * ci + c] = from[c * shape.out_c + group * co + o];
                }
            }
        }
    }
}

fn scatter_scratch(shape: &Conv2dShape) -> usize {
    PIXELS * shape.taps().next_multiple_of(16) + block_scratch(shape.taps(), shape.group_out())
}

fn scatter(
    exec: Exec<'_>,
    shape: &Conv2dShape,
    dy: &[f32],
    w: &[f32],
    mask: Option<&[f32]>,
    dx: &mut [f32],
    scratch: &mut [f32],
) {
    if dx.is_empty() {
        return;
    }
    let (packed, workers) = scratch.split_at_mut(packed_whole(shape.group_out(), shape.taps()));
    let whole = shape.groups == 1;
    if whole {
        let (ldb, k, n) = (shape.out_c, shape.out_c, shape.taps());
        // SAFETY: w is taps rows of out_c columns, and `packed` as long as `packed_whole` says.
        unsafe { pack_whole(exec, w.as_ptr(), ldb, true, k, n, Shared::new(packed)) };
    }
    let packed = whole.then_some(&*packed);
    let (dx, workers) = (Shared::new(dx), Shared::new(workers));
    let len = shape.in_h * shape.in_w * shape.in_c;
    exec.pool.run(shape.batch, |image, worker| {
        // SAFETY: each task has an image of its own, and each worker its scratch.
        let (dx, scratch) = unsafe {
            let per_worker = scatter_scratch(shape);
            (dx.slice(image * len, len), workers.slice(worker * per_worker, per_worker))
        };
        let dy = &dy[image * shape.out_h * shape.out_w * shape.out_c..];
        dispatch(exec.isa, ScatterImage { shape, dy, w, packed, bf16: exec.isa.bf16(), dx, scratch });
        if let Some(mask) = mask {
            let mask = &mask[image * len..];
            dx.iter_mut().zip(mask).for_each(|(v, mask)| *v = if *mask > 0.0 { *v } else { 0.0 });
        }
    });
}

/// The gradient of one image.
struct ScatterImage<'a> {
    shape: &'a Conv2dShape,
    dy: &'a [f32],
    w: &'a [f32],
    packed: Option<&'a [f32]>,
    bf16: Option<Bf16>,
    dx: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for ScatterImage<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let shape = self.shape;
        let taps = shape.taps();
        let (columns, scratch) = self.scratch.split_at_mut(PIXELS * taps.next_multiple_of(16));
        self.dx.fill(0.0);
        let pixels = shape.out_h * shape.out_w;
        for group in 0..shape.groups {
            for first in (0..pixels).step_by(PIXELS) {
                let count = PIXELS.min(pixels - first);
                let column = group * shape.group_out();
                let block = Block {
                    m: count,
                    n: taps,
                    k: shape.group_out(),
                    a: self.dy.as_ptr().wrapping_add(first * shape.out_c + column),
                    a_rows: RawOffsets::Stride(shape.out_c),
                    a_cols: RawOffsets::Stride(1),
                    b: self.packed.map_or(self.w.as_ptr().wrapping_add(column), <[f32]>::as_ptr),
                    ldb: shape.out_c,
                    b_transposed: true,
                    b_packed: self.packed.is_some(),
                    c: columns.as_mut_ptr(),
                    ldc: taps,
                    bias: std::ptr::null(),
                    activation: Activation::None,
                    mask: std::ptr::null(),
                    accumulate: false,
                    ahead: Ahead::NOTHING,
                    bf16: self.bf16,
                };
                // SAFETY: dy has `count` more pixels, w the shape's length, and the scratch was sized for this block.
                unsafe { block.run(simd, scratch.as_mut_ptr()) };
                for (pixel, columns) in (first..first + count).zip(columns.chunks_exact(taps.max(1))) {
                    add_pixel(shape, group, pixel, columns, self.dx);
                }
            }
        }
    }
}

/// Adds what one output pixel gives to the input pixels under the kernel.
#[inline(always)]
fn add_pixel(shape: &Conv2dShape, group: usize, pixel: usize, columns: &[f32], dx: &mut [f32]) {
    let (i, j) = (pixel / shape.out_w, pixel % shape.out_w);
    let channels = shape.group_in();
    let inside = |at: usize, pad: usize, size: usize| at.checked_sub(pad).filter(|at| *at < size);
    for p in 0..shape.kernel_h {
        let Some(row) = inside(i * shape.stride_h + p * shape.dilation_h, shape.pad_top, shape.in_h) else { continue };
        for q in 0..shape.kernel_w {
            let col = inside(j * shape.stride_w + q * shape.dilation_w, shape.pad_left, shape.in_w);
            let Some(col) = col else { continue };
            let dx = &mut dx[(row * shape.in_w + col) * shape.in_c + group * channels..][..channels];
            let from = &columns[(p * shape.kernel_w + q) * channels..][..channels];
            dx.iter_mut().zip(from).for_each(|(dx, g)| *dx += g);
        }
    }
}
