//! dW of each example: the sum of the kernel's gradient, cut between examples instead of anywhere.

use crate::Exec;
use crate::simd::{ALIGN_SLACK, Shared, aligned};

use super::Conv2d;
use super::forward::Input;

impl Conv2d {
    /// Floats of scratch that [`Conv2d::kernel_grads`] needs.
    pub fn kernel_grads_scratch(&self, threads: usize) -> usize {
        match &self.depthwise {
            Some(depthwise) => depthwise.kernel_grad_scratch(threads),
            None => ALIGN_SLACK + threads * self.kernel_grad_worker(),
        }
    }

    /// Computes the gradient of the kernel for each of `examples` batches of this shape, which lie one after another in
    /// `x`, in the gradient `dy` of the output, and in `dw`.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn kernel_grads(
        &self,
        exec: Exec<'_>,
        examples: usize,
        x: &[f32],
        dy: &[f32],
        dw: &mut [f32],
        scratch: &mut [f32],
    ) {
        let shape = self.shape();
        let lens = [shape.x_len(), shape.y_len(), shape.w_len()];
        assert_eq!([x.len(), dy.len(), dw.len()], lens.map(|len| examples * len), "lengths of x, dy, dw");
        let needed = self.kernel_grads_scratch(exec.pool.threads());
        assert!(scratch.len() >= needed, "the scratch has {} of {needed} floats", scratch.len());
        if lens.contains(&0) {
            return dw.fill(0.0);
        }
        if let Some(depthwise) = &self.depthwise {
            let each = x.chunks_exact(lens[0]).zip(dy.chunks_exact(lens[1])).zip(dw.chunks_exact_mut(lens[2]));
            each.for_each(|((x, dy), dw)| depthwise.kernel_grad(exec, x, dy, dw, None, scratch));
            return;
        }
        let (x, to, workers) = (Input(x.as_ptr()), Shared::new(dw), Shared::new(aligned(scratch)));
        exec.pool.run(examples, |example, worker| {
            let scratch = workers.ptr().wrapping_add(worker * self.kernel_grad_worker());
            let (x, dw) = (x.ptr().wrapping_add(example * lens[0]), to.ptr().wrapping_add(example * lens[2]));
            let dy = &dy[example * lens[1]..][..lens[1]];
            for band in 0..self.forward.bands() {
                self.band_grad(exec, band, x, dy, 0..shape.taps(), band > 0, dw, scratch);
            }
        });
    }
}
