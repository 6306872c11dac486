//! AVX512-BF16: twelve rows and two vectors of sums in registers; a pair of A is broadcast, pairs of B are loaded.

use std::arch::x86_64::*;

use super::WIDTH;

pub(super) const ROWS: usize = 12;

/// # Safety
/// The processor must have AVX512-BF16; see [`super::multiply`].
#[inline(always)]
pub(super) unsafe fn multiply(a: *const u32, b: *const u32, depth: usize, [rows, _]: [usize; 2], stage: *mut f32) {
    // SAFETY: the caller vouches for it; strips are filled up with zeros.
    unsafe {
        match rows {
            0..=4 => tile::<4>(a, b, depth, stage),
            5..=8 => tile::<8>(a, b, depth, stage),
            _ => tile::<ROWS>(a, b, depth, stage),
        }
    }
}

/// # Safety
/// As for [`multiply`], with `R` rows.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn tile<const R: usize>(a: *const u32, b: *const u32, depth: usize, stage: *mut f32) {
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    for p in 0..depth {
        // SAFETY: the strip and the panel are `depth` deep; `__m512bh` is 512 bits, whatever they mean.
        unsafe {
            let b: [__m512bh; 2] =
                std::array::from_fn(|j| std::mem::transmute(_mm512_loadu_si512(b.add(p * WIDTH + j * 16).cast())));
            for (i, sums) in sums.iter_mut().enumerate() {
                let a =
                    std::mem::transmute::<__m512i, __m512bh>(_mm512_set1_epi32((*a.add(i * depth + p)).cast_signed()));
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = _mm512_dpbf16_ps(*sum, a, b);
                }
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        for (j, sum) in sums.iter().enumerate() {
            // SAFETY: the stage has R rows of two vectors.
            unsafe { _mm512_storeu_ps(stage.add(i * WIDTH + j * 16), *sum) };
        }
    }
}
