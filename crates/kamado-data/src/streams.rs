//! The random streams of this crate, kept apart by a tag in the highest byte.

use kamado_graph::rng::Rng;

const SPLIT: u64 = 0xD1 << 56;
const SHUFFLE: u64 = 0xD2 << 56;
const AUGMENT: u64 = 0xD3 << 56;
const TABLE: u64 = 0xD4 << 56;
const BLEND: u64 = 0xD5 << 56;
/// That of the first of 32 inputs.
const INPUT: u64 = 0xE0 << 56;

/// The stream that deals the examples of one class (or, unstratified, of the only group).
pub(crate) fn split(seed: u64, group: u64) -> Rng {
    Rng::new(seed, SPLIT | (group & 0xFFFF_FFFF))
}

/// The stream that orders one epoch.
pub(crate) fn shuffle(seed: u64, epoch: u64) -> Rng {
    Rng::new(seed, SHUFFLE | (epoch & 0x00FF_FFFF_FFFF_FFFF))
}

/// The stream that distorts one example in one epoch; it repeats after 2^24 epochs or 2^32 examples.
pub(crate) fn augment(seed: u64, epoch: u64, example: usize) -> Rng {
    Rng::new(seed, AUGMENT | (epoch & 0xFF_FFFF) << 32 | (example as u64 & 0xFFFF_FFFF))
}

/// The stream that blends one example in one epoch with its neighbour; as [`augment`].
pub(crate) fn blend(seed: u64, epoch: u64, example: usize) -> Rng {
    Rng::new(seed, BLEND | (epoch & 0xFF_FFFF) << 32 | (example as u64 & 0xFFFF_FFFF))
}

/// A stream of the treatment of a table: 0 and 2 choose the rows among which neighbours are sought, 1 deals the folds of
/// target encoding.
pub(crate) fn table(seed: u64, purpose: u64) -> Rng {
    Rng::new(seed, TABLE | (purpose & 0xFFFF_FFFF))
}

/// The stream that distorts one lazily read input of one example in one epoch; as [`augment`], and after 32 inputs.
pub(crate) fn input(seed: u64, epoch: u64, example: usize, input: usize) -> Rng {
    let stream = INPUT + ((input as u64 & 0x1F) << 56);
    Rng::new(seed, stream | (epoch & 0xFF_FFFF) << 32 | (example as u64 & 0xFFFF_FFFF))
}

/// The stream that makes one more row of a rare class.
pub(crate) fn synthetic(seed: u64, row: usize) -> Rng {
    Rng::new(seed, TABLE | 1 << 32 | (row as u64 & 0xFFFF_FFFF))
}
