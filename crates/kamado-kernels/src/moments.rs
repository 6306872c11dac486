//! Mean and biased variance of each channel, the last axis, in one pass over memory.
//!
//! Rows are cut into chunks that fit the first-level cache by shape alone. In each, the mean comes first and then the sum
//! of squared distances from it; the chunks are combined in f64 (T. Chan, G. Golub and R. LeVeque, "Updating formulae and a
//! pairwise algorithm for computing sample variances", 1979). So a mean far from 0 costs no precision.

use crate::Exec;
use crate::simd::{Kernel, Shared, Simd, dispatch};

/// Floats of a chunk: 16 KiB.
const CHUNK: usize = 4096;
/// Rows of a chunk at least, so that the statistics of the chunks are few beside the rows.
const ROWS: usize = 32;
/// Channels that one task combines.
const CHANNELS: usize = 16;

fn rows(channels: usize) -> usize {
    (CHUNK / channels.max(1)).max(ROWS)
}

/// How many `f32` of scratch [`moments`] needs for `len` numbers.
pub fn moments_scratch(len: usize, channels: usize) -> usize {
    (len / channels.max(1)).div_ceil(rows(channels)) * 2 * channels
}

/// Computes the mean and the biased variance of each channel of `x`, `[rows, channels]`; NaN if there are no rows.
///
/// # Panics
/// If `x` is not made of rows, the results differ in length, or the scratch is smaller than [`moments_scratch`].
pub fn moments(exec: Exec<'_>, x: &[f32], mean: &mut [f32], variance: &mut [f32], scratch: &mut [f32]) {
    let channels = mean.len();
    assert_eq!(variance.len(), channels, "a variance for each mean");
    assert!(channels > 0 && x.len().is_multiple_of(channels) || x.is_empty(), "whole rows of {channels} channels");
    let scratch = &mut scratch[..moments_scratch(x.len(), channels)];
    if channels == 0 {
        return;
    }
    let (chunk, partials) = (rows(channels) * channels, Shared::new(scratch));
    exec.pool.run(x.len().div_ceil(chunk), |index, _| {
        let x = &x[index * chunk..x.len().min((index + 1) * chunk)];
        // SAFETY: each task has its own statistics.
        let out = unsafe { partials.slice(index * 2 * channels, 2 * channels) };
        let (mean, squares) = out.split_at_mut(channels);
        dispatch(exec.isa, Chunk { x, mean, squares });
    });
    let total = x.len() / channels;
    let rows_of = |index: usize| rows(channels).min(total - index * rows(channels)) as f64;
    let (mean, variance, scratch) = (Shared::new(mean), Shared::new(variance), &*scratch);
    exec.pool.run(channels.div_ceil(CHANNELS), |task, _| {
        let first = task * CHANNELS;
        let count = CHANNELS.min(channels - first);
        // SAFETY: each task has its own channels.
        let (mean, variance) = unsafe { (mean.slice(first, count), variance.slice(first, count)) };
        combine(&scratch[first.min(scratch.len())..], channels, total, &rows_of, mean, variance);
    });
}

/// Combines the chunks' statistics of a few channels, whose first is that of `partials`.
fn combine(
    partials: &[f32],
    channels: usize,
    total: usize,
    rows_of: &impl Fn(usize) -> f64,
    mean: &mut [f32],
    variance: &mut [f32],
) {
    let chunks = || partials.chunks(2 * channels).enumerate().map(|(index, chunk)| (rows_of(index), chunk));
    let (mut means, mut squares) = ([0.0f64; CHANNELS], [0.0f64; CHANNELS]);
    for (rows, chunk) in chunks() {
        means.iter_mut().zip(&chunk[..mean.len()]).for_each(|(sum, m)| *sum += rows * f64::from(*m));
    }
    means.iter_mut().for_each(|sum| *sum /= total as f64);
    for (rows, chunk) in chunks() {
        let of_channels = chunk[..mean.len()].iter().zip(&chunk[channels..]);
        for ((sum, whole), (m, square)) in squares.iter_mut().zip(&means).zip(of_channels) {
            *sum += f64::from(*square) + rows * (f64::from(*m) - whole).powi(2);
        }
    }
    mean.iter_mut().zip(means).for_each(|(to, m)| *to = m as f32);
    variance.iter_mut().zip(squares).for_each(|(to, sum)| *to = (sum / total as f64) as f32);
}

/// The mean of each channel in a chunk, and the sum of squared distances from it.
struct Chunk<'a> {
    x: &'a [f32],
    mean: &'a mut [f32],
    squares: &'a mut [f32],
}

impl Kernel for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let channels = self.mean.len();
        let rows = self.x.len() / channels;
        let share = simd.splat(1.0 / rows as f32);
        for first in (0..channels).step_by(S::LANES) {
            let lanes = S::LANES.min(channels - first);
            let x = self.x[first..].as_ptr();
            let zero = simd.splat(0.0);
            // SAFETY: `lanes` channels from `first` on lie in each of the rows, and in both results.
            unsafe {
                let sum = sums::<S, false>(simd, x, channels, rows, lanes, zero);
                let mean = simd.mul(sum, share);
                simd.store_first(self.mean[first..].as_mut_ptr(), mean, lanes);
                let squares = sums::<S, true>(simd, x, channels, rows, lanes, mean);
                simd.store_first(self.squares[first..].as_mut_ptr(), squares, lanes);
            }
        }
    }
}

/// `Σ x`, or `Σ (x - mean)²`, over rows that are `step` apart. Four sums at once hide the latency of additions.
///
/// # Safety
/// `lanes` floats must be readable in each row.
#[inline(always)]
unsafe fn sums<S: Simd, const SQUARES: bool>(
    simd: S,
    x: *const f32,
    step: usize,
    rows: usize,
    lanes: usize,
    mean: S::V,
) -> S::V {
    let mut sums = [simd.splat(0.0); 4];
    let mut row = 0;
    while row < rows {
        for (i, sum) in sums.iter_mut().enumerate() {
            if row + i < rows {
                let at = x.wrapping_add((row + i) * step);
                // SAFETY: the caller vouches for the row.
                let v = unsafe { if lanes == S::LANES { simd.load(at) } else { simd.load_first(at, lanes) } };
                *sum = if SQUARES {
                    let distance = simd.sub(v, mean);
                    simd.mul_add(distance, distance, *sum)
                } else {
                    simd.add(*sum, v)
                };
            }
        }
        row += 4;
    }
    simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3]))
}
