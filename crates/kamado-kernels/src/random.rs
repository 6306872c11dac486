//! Counter-based random numbers: Philox4x32-10.
//!
//! The number of element i of stream s at (seed, step) is lane i mod 4 of the block with key (seed low, seed high) and
//! counter (⌊i/4⌋, s, step low, step high). Nothing is stored between steps, and any element can be computed alone.
//!
//! Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

use crate::Exec;
use crate::isa::{Isa, multiversion};
use crate::parallel;

/// What the random numbers of a step depend on besides stream and element.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RandomKey {
    /// The seed of the run.
    pub seed: u64,
    /// The step within the run.
    pub step: u64,
}

/// A dropout mask: 0 with probability `rate`, else 1/(1 − rate).
///
/// An element is kept where its random 32-bit number is at least `rate`·2³², rounded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DropoutMask {
    /// The share of elements to drop, from 0 to 1.
    pub rate: f64,
    /// The stream of random numbers, one per dropout node.
    pub stream: u32,
}

/// Counters handled at once: two registers of the widest instruction set, so that multiplications overlap.
const LANES: usize = 32;
/// Random numbers made at once.
const BATCH: usize = 4 * LANES;

/// One block of Philox4x32-10: four random numbers.
#[inline(always)]
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..10 {
        let p0 = u64::from(c0) * 0xD251_1F53;
        let p1 = u64::from(c2) * 0xCD9E_8D57;
        (c0, c1, c2, c3) = ((p1 >> 32) as u32 ^ c1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ c3 ^ k1, p0 as u32);
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    [c0, c1, c2, c3]
}

/// The random numbers of the blocks `first_block..first_block + LANES`.
#[inline(always)]
fn batch(key: RandomKey, stream: u32, first_block: u32, out: &mut [u32; BATCH]) {
    let seed = [key.seed as u32, (key.seed >> 32) as u32];
    let step = [key.step as u32, (key.step >> 32) as u32];
    let mut lanes = [[0u32; LANES]; 4];
    for i in 0..LANES {
        let counter = [first_block.wrapping_add(i as u32), stream, step[0], step[1]];
        let block = philox4x32(counter, seed);
        for (lane, value) in lanes.iter_mut().zip(block) {
            lane[i] = value;
        }
    }
    for (i, four) in out.chunks_exact_mut(4).enumerate() {
        four.copy_from_slice(&[lanes[0][i], lanes[1][i], lanes[2][i], lanes[3][i]]);
    }
}

/// Calls `store(piece, numbers)` for consecutive pieces of `out`, whose first element has index `first`.
#[inline(always)]
fn generate<T>(key: RandomKey, stream: u32, first: usize, out: &mut [T], mut store: impl FnMut(&mut [T], &[u32])) {
    let mut numbers = [0; BATCH];
    let (mut at, mut rest) = (first, out);
    while !rest.is_empty() {
        batch(key, stream, (at / 4) as u32, &mut numbers);
        let usable = &numbers[at % 4..];
        let (piece, tail) = rest.split_at_mut(usable.len().min(rest.len()));
        at += piece.len();
        store(piece, usable);
        rest = tail;
    }
}

multiversion! {
    fn bits_chunk(isa; key: RandomKey, stream: u32, first: usize, out: &mut [u32]) {
        generate(key, stream, first, out, |piece, numbers| {
            for (to, &number) in piece.iter_mut().zip(numbers) {
                *to = number;
            }
        });
    }
}

multiversion! {
    fn mask_chunk(isa; key: RandomKey, stream: u32, threshold: u32, keep: f32, first: usize, out: &mut [f32]) {
        generate(key, stream, first, out, |piece, numbers| {
            for (to, &number) in piece.iter_mut().zip(numbers) {
                *to = if number >= threshold { keep } else { 0.0 };
            }
        });
    }
}

multiversion! {
    pub(crate) fn uniform_chunk(isa; key: RandomKey, stream: u32, first: usize, out: &mut [f32]) {
        // Rounded to 24 bits at the end, so that the number never is 0.
        generate(key, stream, first, out, |piece, numbers| {
            for (to, &number) in piece.iter_mut().zip(numbers) {
                *to = (number as f32 + 0.5) * (1.0 / 4_294_967_296.0);
            }
        });
    }
}

impl DropoutMask {
    /// Writes the values of elements `first..first + out.len()`.
    pub(crate) fn fill(&self, isa: Isa, key: RandomKey, first: usize, out: &mut [f32]) {
        let threshold = (self.rate * 4_294_967_296.0).round() as u64;
        match u32::try_from(threshold) {
            Ok(0) => out.fill(1.0),
            Ok(threshold) => mask_chunk(isa, key, self.stream, threshold, (1.0 / (1.0 - self.rate)) as f32, first, out),
            Err(_) => out.fill(0.0),
        }
    }
}

/// Fills `out` with the random 32-bit numbers of elements 0, 1, 2… of a stream.
pub fn bits(exec: Exec<'_>, stream: u32, key: RandomKey, out: &mut [u32]) {
    parallel::for_each_chunk(exec.pool, out, parallel::TASK, |first, piece| {
        bits_chunk(exec.isa, key, stream, first, piece);
    });
}

/// Fills `out` with the values of a dropout mask.
pub fn dropout_mask(exec: Exec<'_>, mask: &DropoutMask, key: RandomKey, out: &mut [f32]) {
    parallel::for_each_chunk(exec.pool, out, parallel::TASK, |first, piece| {
        mask.fill(exec.isa, key, first, piece);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::ThreadPool;

    /// The known-answer vectors of the authors' Random123 library (`kat_vectors`, philox4x32, 10 rounds).
    #[test]
    fn philox_gives_the_published_answers() {
        let answers = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, answer) in answers {
            assert_eq!(philox4x32(counter, key), answer);
        }
    }

    #[test]
    fn elements_follow_from_seed_step_stream_and_index_alone() {
        let key = RandomKey { seed: 0x299f_31d0_a409_3822, step: 0x0370_7344_1319_8a2e };
        let one =
            |i: usize| philox4x32([(i / 4) as u32, 9, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0])[i % 4];
        for isa in Isa::available() {
            for threads in 1..=3 {
                let pool = ThreadPool::new(threads);
                for n in [0, 1, 3, 4, 5, 127, 128, 129, 16 * 1024 + 7] {
                    let mut out = vec![0; n];
                    bits(Exec { isa, pool: &pool }, 9, key, &mut out);
                    assert!(out.iter().enumerate().all(|(i, &v)| v == one(i)));
                }
            }
            let mut out = [0; 300];
            for first in [0, 1, 2, 3, 4, 509] {
                bits_chunk(isa, key, 9, first, &mut out);
                assert!(out.iter().enumerate().all(|(i, &v)| v == one(first + i)));
            }
        }
    }

    #[test]
    fn masks_keep_the_right_share() {
        let pool = ThreadPool::new(2);
        let exec = Exec { isa: Isa::best(), pool: &pool };
        let key = RandomKey { seed: 7, step: 3 };
        let mut out = vec![f32::NAN; 100_000];
        for (rate, kept) in [(0.0, 1.0), (0.25, 4.0 / 3.0), (0.5, 2.0), (1.0, 0.0)] {
            dropout_mask(exec, &DropoutMask { rate, stream: 1 }, key, &mut out);
            assert!(out.iter().all(|&v| v == 0.0 || v == kept));
            let share = out.iter().filter(|&&v| v == 0.0).count() as f64 / out.len() as f64;
            let expected = if rate == 1.0 { 1.0 } else { rate };
            // Four standard deviations of a binomial share.
            assert!((share - expected).abs() <= 4.0 * (rate * (1.0 - rate) / out.len() as f64).sqrt(), "{share}");
        }
    }
}
