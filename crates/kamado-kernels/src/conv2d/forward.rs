//! Y = conv(X, W): one product per band and group.

use crate::Exec;
use crate::gemm::{Activation, Ahead, Block, Epilogue, Run, block_scratch, pack_whole, packed_whole};
use crate::simd::{ALIGN_SLACK, Shared, aligned, dispatch};

use super::Conv2d;
use super::bands::Geometry;
use super::winograd::Winograd;

impl Conv2d {
    /// Floats of scratch that [`Conv2d::forward`] needs.
    pub fn forward_scratch(&self, threads: usize) -> usize {
        if let Some(depthwise) = &self.depthwise {
            return depthwise.scratch(threads);
        }
        self.forward.scratch(threads) + ALIGN_SLACK
    }

    /// Computes `y = epilogue(conv(x, w))`, where the product's rows are the output's pixels and its columns the
    /// channels.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn forward(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        w: &[f32],
        epilogue: Epilogue<'_>,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        match &self.depthwise {
            Some(depthwise) => depthwise.forward(exec, x, w, epilogue, y, scratch),
            None => self.forward.convolve(exec, x, w, epilogue, y, aligned(scratch)),
        }
    }
}

impl Geometry {
    fn worker_scratch(&self) -> usize {
        self.input_scratch() + block_scratch(self.shape.group_out(), self.shape.taps())
    }

    /// Floats of aligned scratch that [`Geometry::convolve`] needs.
    pub(super) fn scratch(&self, threads: usize) -> usize {
        let direct = packed_whole(self.shape.taps(), self.shape.out_c) + threads * self.worker_scratch();
        direct.max(self.winograd.map_or(0, |winograd| winograd.scratch(threads)))
    }

    pub(super) fn convolve(
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
        assert_eq!((x.len(), w.len(), y.len()), (shape.x_len(), shape.w_len(), shape.y_len()), "lengths of x, w, y");
        assert!(bias.is_none_or(|b| b.len() == shape.out_c), "the bias has one value per output channel");
        assert!(mask.is_none_or(|mask| mask.len() == y.len()), "the mask is as long as y");
        let needed = self.scratch(exec.pool.threads());
        assert!(scratch.len() >= needed, "the scratch has {} of {needed} floats", scratch.len());
        if y.is_empty() {
            return;
        }
        if let Some(winograd) = self.winograd.filter(|_| Winograd::finishes(activation) && exec.isa.bf16().is_none()) {
            return winograd.convolve(exec, x, w, epilogue, y, scratch);
        }
        let (packed, workers) = scratch.split_at_mut(packed_whole(shape.taps(), shape.out_c));
        let whole = shape.groups == 1;
        if whole {
            // SAFETY: w is taps rows of out_c columns, and `packed` as long as `packed_whole` says.
            unsafe { pack_whole(exec, w.as_ptr(), shape.out_c, false, shape.taps(), shape.out_c, Shared::new(packed)) };
        }
        let null = std::ptr::null();
        let all = Block {
            m: 0,
            n: shape.group_out(),
            k: shape.taps(),
            a: null,
            a_rows: self.pixel_offsets(),
            a_cols: self.tap_offsets(),
            b: if whole { packed.as_ptr() } else { w.as_ptr() },
            ldb: shape.out_c,
            b_transposed: false,
            b_packed: whole,
            c: y.as_mut_ptr(),
            ldc: shape.out_c,
            bias: bias.map_or(null, <[f32]>::as_ptr),
            activation,
            mask: mask.map_or(null, <[f32]>::as_ptr),
            accumulate,
            ahead: Ahead::NOTHING,
            bf16: exec.isa.bf16(),
        };
        let (x, workers) = (Input(x.as_ptr()), Shared::new(workers));
        exec.pool.run(self.bands(), |index, worker| {
            let band = self.band(index);
            let scratch = workers.ptr().wrapping_add(worker * self.worker_scratch());
            // SAFETY: x and the scratch are long enough.
            let a = unsafe { self.input(x.ptr(), &band, scratch) };
            let scratch = scratch.wrapping_add(self.input_scratch());
            let start = self.output_start(&band);
            for group in 0..shape.groups {
                let column = group * shape.group_out();
                let a = a.wrapping_add(group * shape.group_in());
                let block = all.moved(self.pixels_of(&band), a, column, start + column);
                dispatch(exec.isa, Run { block, scratch });
            }
        });
    }

    /// The same with nothing but a mask.
    pub(super) fn convolve_masked(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        w: &[f32],
        mask: Option<&[f32]>,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let epilogue = Epilogue { bias: None, activation: Activation::None, mask, accumulate: false };
        self.convolve(exec, x, w, epilogue, y, scratch);
    }
}

/// The input, read by all tasks.
#[derive(Clone, Copy)]
pub(super) struct Input(pub(super) *const f32);

// SAFETY: it is only read, while the slice behind it is borrowed.
unsafe impl Sync for Input {}

impl Input {
    pub(super) fn ptr(&self) -> *const f32 {
        self.0
    }
}
