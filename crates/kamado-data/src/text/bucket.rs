//! Batches of texts of similar length.

use crate::error::{DataError, Result};
use crate::streams;

/// Batches are drawn from this many batches' worth of neighbours in the shuffled order: similar lengths, still random.
const POOL: usize = 50;

/// An order of the examples of one epoch in which every `batch` neighbours are of similar length, so that little of a
/// batch is padding: the examples are shuffled, each pool of 50 batches is sorted by length, and the batches are
/// shuffled. Only the last batch can be smaller. The order is a function of the arguments.
///
/// # Errors
/// If `batch` is 0.
pub fn bucket_order(lengths: &[usize], batch: usize, seed: u64, epoch: u64) -> Result<Vec<usize>> {
    if batch == 0 {
        return Err(DataError::request("cannot make batches of 0 examples", "Choose a batch size of at least 1"));
    }
    let mut rng = streams::shuffle(seed, epoch);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    rng.shuffle(&mut order);
    let full = lengths.len() - lengths.len() % batch;
    for pool in order[..full].chunks_mut(batch.saturating_mul(POOL)) {
        pool.sort_by_key(|&example| lengths[example]);
    }
    let mut batches: Vec<&[usize]> = order[..full].chunks_exact(batch).collect();
    rng.shuffle(&mut batches);
    Ok(batches.into_iter().flatten().chain(&order[full..]).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_similar_lengths_and_every_example_once() {
        let lengths: Vec<usize> = (0..1003).map(|i| i * 7919 % 200).collect();
        let order = bucket_order(&lengths, 10, 3, 0).unwrap();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1003).collect::<Vec<_>>());
        let spread = |batch: &[usize]| {
            let of = |pick: fn(usize, usize) -> usize| batch.iter().map(|&i| lengths[i]).reduce(pick).unwrap();
            of(usize::max) - of(usize::min)
        };
        let spreads: Vec<usize> = order[..1000].chunks(10).map(spread).collect();
        assert!(spreads.iter().sum::<usize>() < 100 * 10, "{spreads:?}");
        assert!(order[..1000].chunks(10).map(|b| lengths[b[0]]).collect::<Vec<_>>().windows(2).any(|w| w[0] > w[1]));
        assert_eq!(order, bucket_order(&lengths, 10, 3, 0).unwrap());
        assert_ne!(order, bucket_order(&lengths, 10, 3, 1).unwrap());
        assert!(bucket_order(&lengths, 0, 3, 1).is_err());
        assert!(bucket_order(&[], 4, 3, 1).unwrap().is_empty());
    }
}
