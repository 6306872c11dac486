//! Perceptual hashes: 64 bits that hardly change when a picture is saved again, resized or a little brighter.

use std::collections::BTreeMap;

use super::{Raster, Region};
use crate::error::{DataError, Result};

/// The greatest distance that [`near_duplicates`] and [`near_matches`] look for.
pub const MAX_DISTANCE: u32 = 15;

impl Raster {
    /// Whether each of 9x8 parts is lighter than the one to its left, row by row, the first in the highest bit.
    ///
    /// Source: N. Krawetz, "Kind of like that", 2013. Reference: `dhash` of ImageHash, which resizes with another filter.
    pub fn difference_hash(&self) -> u64 {
        let grey = self.small_grey(8, 9);
        bits(grey.chunks_exact(9).flat_map(|row| row.windows(2).map(|pair| pair[1] > pair[0])))
    }

    /// Whether each of the 8x8 lowest frequencies (discrete cosine transform, type II, of 32x32 parts) is above their
    /// median, row by row, the first in the highest bit: robuster than [`difference_hash`](Raster::difference_hash), and
    /// slower.
    ///
    /// Source: C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010. Reference: `phash`
    /// of ImageHash, which resizes with another filter.
    pub fn perceptual_hash(&self) -> u64 {
        let grey = self.small_grey(32, 32);
        let wave = |k: usize, n: usize| (std::f64::consts::PI * k as f64 * (2 * n + 1) as f64 / 64.0).cos();
        let waves: [[f64; 32]; 8] = std::array::from_fn(|k| std::array::from_fn(|n| wave(k, n)));
        let dot = |wave: &[f64; 32], values: &mut dyn Iterator<Item = f64>| -> f64 {
            wave.iter().zip(values).map(|(a, b)| a * b).sum()
        };
        let rows: Vec<[f64; 8]> = grey
            .chunks_exact(32)
            .map(|row| std::array::from_fn(|k| dot(&waves[k], &mut row.iter().map(|&x| f64::from(x)))))
            .collect();
        let low: Vec<f64> = (0..64).map(|i| dot(&waves[i / 8], &mut rows.iter().map(|row| row[i % 8]))).collect();
        let mut sorted = low.clone();
        sorted.sort_by(f64::total_cmp);
        let median = (sorted[31] + sorted[32]) / 2.0;
        bits(low.into_iter().map(|x| x > median))
    }

    fn small_grey(&self, height: usize, width: usize) -> Vec<f32> {
        let small = self.resized(Region::whole(self.height, self.width), [height, width]);
        match self.channels {
            3 => small.chunks_exact(3).map(|p| 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]).collect(),
            _ => small,
        }
    }
}

fn bits(values: impl Iterator<Item = bool>) -> u64 {
    values.fold(0, |hash, bit| hash << 1 | u64::from(bit))
}

/// Groups of pictures whose hashes differ in at most `distance` bits, directly or through others of the group; in
/// ascending order, without groups of one.
///
/// Hashes that differ in `d` bits agree in at least one of `d + 1` pieces, so that only those are compared that agree in
/// a piece. Source: M. Norouzi, A. Punjani, D. Fleet, "Fast search in Hamming space with multi-index hashing", 2012.
///
/// # Errors
/// If `distance` is above [`MAX_DISTANCE`], at which unrelated pictures are taken for the same.
pub fn near_duplicates(hashes: &[u64], distance: u32) -> Result<Vec<Vec<usize>>> {
    check(distance)?;
    let mut same: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    hashes.iter().enumerate().for_each(|(i, &hash)| same.entry(hash).or_default().push(i));
    let distinct: Vec<u64> = same.keys().copied().collect();
    let mut parents: Vec<usize> = (0..distinct.len()).collect();
    for piece in 0..=distance {
        let index = Index::new(&distinct, piece, distance + 1);
        for run in index.sorted.chunk_by(|a, b| a.0 == b.0) {
            for (at, &(_, i)) in run.iter().enumerate() {
                for &(_, j) in &run[at + 1..] {
                    if (distinct[i] ^ distinct[j]).count_ones() <= distance {
                        let (a, b) = (root(&mut parents, i), root(&mut parents, j));
                        parents[a.max(b)] = a.min(b);
                    }
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, rows) in same.into_values().enumerate() {
        groups.entry(root(&mut parents, i)).or_default().extend(rows);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_unstable();
    Ok(groups)
}

/// For each of `others` that differs from one of `known` in at most `distance` bits: its number and that of the first
/// of the nearest of `known`.
///
/// # Errors
/// As [`near_duplicates`] does.
pub fn near_matches(known: &[u64], others: &[u64], distance: u32) -> Result<Vec<(usize, usize)>> {
    check(distance)?;
    let mut nearest: Vec<Option<(u32, usize)>> = vec![None; others.len()];
    for piece in 0..=distance {
        let index = Index::new(known, piece, distance + 1);
        for (nearest, &other) in nearest.iter_mut().zip(others) {
            for &(_, i) in index.run(other) {
                let found = ((known[i] ^ other).count_ones(), i);
                if found.0 <= distance && nearest.is_none_or(|best| found < best) {
                    *nearest = Some(found);
                }
            }
        }
    }
    Ok(nearest.into_iter().enumerate().filter_map(|(other, found)| Some((other, found?.1))).collect())
}

fn check(distance: u32) -> Result<()> {
    if distance <= MAX_DISTANCE {
        return Ok(());
    }
    let problem = format!("pictures whose hashes differ in {distance} of 64 bits are hardly alike");
    Err(DataError::request(problem, format!("Choose 0 to {MAX_DISTANCE}")))
}

fn root(parents: &mut [usize], mut i: usize) -> usize {
    while parents[i] != i {
        parents[i] = parents[parents[i]];
        i = parents[i];
    }
    i
}

/// Hashes in the order of one of their pieces.
struct Index {
    piece: u32,
    pieces: u32,
    sorted: Vec<(u64, usize)>,
}

impl Index {
    fn new(hashes: &[u64], piece: u32, pieces: u32) -> Self {
        let mut index = Index { piece, pieces, sorted: Vec::new() };
        index.sorted = hashes.iter().enumerate().map(|(i, &hash)| (index.key(hash), i)).collect();
        index.sorted.sort_unstable();
        index
    }

    fn key(&self, hash: u64) -> u64 {
        let (start, end) = (64 * self.piece / self.pieces, 64 * (self.piece + 1) / self.pieces);
        (hash >> start) & (u64::MAX >> (64 - (end - start)))
    }

    fn run(&self, hash: u64) -> &[(u64, usize)] {
        let key = self.key(hash);
        let start = self.sorted.partition_point(|entry| entry.0 < key);
        let end = self.sorted.partition_point(|entry| entry.0 <= key);
        &self.sorted[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kamado_graph::rng::Rng;

    #[test]
    fn near_hashes_are_those_that_comparing_all_finds() {
        let mut rng = Rng::new(8, 0);
        let mut hashes: Vec<u64> = (0..200).map(|_| rng.next_u64()).collect();
        for i in 0..150 {
            let flips = rng.below(8);
            let near = (0..flips).fold(hashes[i % 90], |hash, _| hash ^ 1 << rng.below(64));
            hashes.push(near);
        }
        for distance in [0, 1, 4, 7, MAX_DISTANCE] {
            let near = |a: usize, b: usize| (hashes[a] ^ hashes[b]).count_ones() <= distance;
            // Groups by walking from each picture to all near ones.
            let (mut seen, mut groups) = (vec![false; hashes.len()], Vec::new());
            for start in 0..hashes.len() {
                let (mut group, mut open) = (Vec::new(), vec![start]);
                while let Some(i) = open.pop() {
                    if !std::mem::replace(&mut seen[i], true) {
                        group.push(i);
                        open.extend((0..hashes.len()).filter(|&j| near(i, j)));
                    }
                }
                group.sort_unstable();
                groups.extend((group.len() > 1).then_some(group));
            }
            assert_eq!(near_duplicates(&hashes, distance).unwrap(), groups, "{distance}");

            let (known, others) = hashes.split_at(200);
            let nearest = |other: u64| {
                let distances = known.iter().map(|&known| (known ^ other).count_ones());
                distances.zip(0..).min().filter(|found| found.0 <= distance).map(|found| found.1)
            };
            let expected: Vec<(usize, usize)> =
                others.iter().enumerate().filter_map(|(i, &other)| Some((i, nearest(other)?))).collect();
            assert_eq!(near_matches(known, others, distance).unwrap(), expected, "{distance}");
        }
        assert!(near_duplicates(&hashes, 16).unwrap_err().to_string().contains("Choose 0 to 15"));
    }
}
