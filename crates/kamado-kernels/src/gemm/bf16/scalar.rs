//! The portable twin: it rounds as `vdpbf16ps` does, but keeps denormals.

use super::WIDTH;

pub(super) const ROWS: usize = 12;

/// # Safety
/// See [`super::multiply`].
pub(super) unsafe fn multiply(a: *const u32, b: *const u32, depth: usize, [rows, cols]: [usize; 2], stage: *mut f32) {
    let (even, odd) = (|pair: u32| f32::from_bits(pair << 16), |pair: u32| f32::from_bits(pair & 0xffff_0000));
    for i in 0..rows {
        // SAFETY: the caller vouches for all three.
        let (a, b, sums) = unsafe {
            (
                std::slice::from_raw_parts(a.add(i * depth), depth),
                std::slice::from_raw_parts(b, depth * WIDTH),
                std::slice::from_raw_parts_mut(stage.add(i * WIDTH), WIDTH),
            )
        };
        sums.fill(0.0);
        for (&a, b) in a.iter().zip(b.chunks_exact(WIDTH)) {
            for (sum, &b) in sums[..cols].iter_mut().zip(b) {
                *sum += odd(a) * odd(b);
                *sum += even(a) * even(b);
            }
        }
    }
}
