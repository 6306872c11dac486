//! The order of the examples in an epoch: a function of the seed, the epoch and the examples, so that it can be taken up
//! again at any place.

use crate::dataset::Dataset;
use crate::streams;

/// All of `0..len` in random order.
pub fn shuffled(seed: u64, epoch: u64, len: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    streams::shuffle(seed, epoch).shuffle(&mut order);
    order
}

/// A random order in which groups of neighbours (the shards of a source, or the groups of rows in its files) are read only
/// once: the groups are put in random order, and of every `window` of them the members are mixed. Whoever keeps `window`
/// groups in memory never reads one twice in an epoch.
///
/// `groups` are the sizes of the groups, whose members are numbered through. A window of all groups mixes all.
pub fn buffered(seed: u64, epoch: u64, groups: &[usize], window: usize) -> Vec<usize> {
    let mut rng = streams::shuffle(seed, epoch);
    let mut start = 0;
    let mut spans: Vec<_> = groups
        .iter()
        .map(|&size| {
            start += size;
            start - size..start
        })
        .collect();
    rng.shuffle(&mut spans);
    let mut order = Vec::with_capacity(start);
    for together in spans.chunks(window.max(1)) {
        let from = order.len();
        order.extend(together.iter().cloned().flatten());
        rng.shuffle(&mut order[from..]);
    }
    order
}

/// The order of an epoch of `dataset`: mixed within `window` shards if it has shards, otherwise as a whole.
pub(crate) fn of_dataset(seed: u64, epoch: u64, dataset: &Dataset, window: usize) -> Vec<usize> {
    if dataset.is_empty() || dataset.shard(0).is_none() {
        return shuffled(seed, epoch, dataset.len());
    }
    // Examples of a view may lie in any order; those of a shard come together, in the order of the view.
    let mut by_shard: Vec<usize> = (0..dataset.len()).collect();
    by_shard.sort_by_key(|&example| dataset.shard(example));
    let sizes: Vec<usize> =
        by_shard.chunk_by(|&a, &b| dataset.shard(a) == dataset.shard(b)).map(<[usize]>::len).collect();
    buffered(seed, epoch, &sizes, window).into_iter().map(|place| by_shard[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_of_groups_is_mixed_and_read_once() {
        let groups = [3, 5, 1, 4, 2, 6];
        let order = buffered(7, 0, &groups, 2);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..21));
        let group_of = |member: usize| {
            let mut end = 0;
            groups.iter().position(|size| {
                end += size;
                member < end
            })
        };
        let (mut left, mut open) = (groups.to_vec(), Vec::new());
        for member in order.clone() {
            let group = group_of(member).unwrap();
            if !open.contains(&group) {
                assert_eq!(left[group], groups[group], "group {group} is opened twice");
                open.push(group);
            }
            left[group] -= 1;
            assert!(open.len() <= 2, "{open:?} are open at once");
            if open.iter().all(|&group| left[group] == 0) {
                open.clear();
            }
        }
        assert_eq!(buffered(7, 0, &groups, 2), order);
        assert_ne!(buffered(7, 1, &groups, 2), order);
        assert!(buffered(7, 0, &[], 2).is_empty());
    }
}
