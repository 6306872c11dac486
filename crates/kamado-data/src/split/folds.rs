//! Cross-validation: every example is tested once, by a model that did not see it.

use super::groups::by_time;
use super::{Part, grouped_split, random_split, stratified_split};
use crate::error::{DataError, Result};

/// One round of cross-validation; both parts in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The examples to learn from.
    pub train: Vec<usize>,
    /// The examples to measure on.
    pub test: Vec<usize>,
}

/// `folds` rounds; the test parts are disjoint, random, and differ by one example at most.
///
/// # Errors
/// If there are fewer than two folds, or fewer examples than folds.
pub fn k_fold(len: usize, folds: usize, seed: u64) -> Result<Vec<Fold>> {
    Ok(rounds(len, random_split(len, &equal_parts(len, folds)?, seed)?))
}

/// As [`k_fold`], with the classes in every test part in the proportion of the whole.
///
/// # Errors
/// As [`k_fold`] does, or if a label is negative.
pub fn stratified_k_fold(labels: &[i32], folds: usize, seed: u64) -> Result<Vec<Fold>> {
    let parts = equal_parts(labels.len(), folds)?;
    Ok(rounds(labels.len(), stratified_split(labels, &parts, seed)?))
}

/// As [`k_fold`], with all examples of a group in one test part; the parts are about equal.
///
/// # Errors
/// As [`k_fold`] does, or if there are fewer groups than folds.
pub fn grouped_k_fold(groups: &[usize], folds: usize, seed: u64) -> Result<Vec<Fold>> {
    let parts = equal_parts(groups.len(), folds)?;
    Ok(rounds(groups.len(), grouped_split(groups, &parts, seed)?))
}

/// `folds` rounds, each of which tests on the examples that follow those it learns from, as scikit-learn's
/// `TimeSeriesSplit`: the examples in order of time are cut into `folds + 1` pieces (the first takes what is left over),
/// and round `i` learns from pieces `0..=i` and tests on the next.
///
/// # Errors
/// As [`k_fold`] does, or if a moment is not a number.
pub fn time_k_fold(moments: &[f64], folds: usize) -> Result<Vec<Fold>> {
    equal_parts(moments.len(), folds)?;
    let order = by_time(moments)?;
    let size = moments.len() / (folds + 1);
    if size == 0 {
        let problem = format!("{} examples cannot be cut into {} pieces", moments.len(), folds + 1);
        return Err(DataError::request(problem, "Ask for fewer folds"));
    }
    let sorted = |part: &[usize]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part
    };
    let starts = (0..folds).map(|fold| moments.len() - (folds - fold) * size);
    Ok(starts.map(|at| Fold { train: sorted(&order[..at]), test: sorted(&order[at..at + size]) }).collect())
}

fn equal_parts(len: usize, folds: usize) -> Result<Vec<Part>> {
    if folds < 2 || folds > len {
        let problem = format!("cannot divide {len} examples into {folds} folds");
        return Err(DataError::request(problem, "Ask for at least 2 folds, and at most as many as examples"));
    }
    Ok((0..folds).map(|fold| Part::Count(len / folds + usize::from(fold < len % folds))).collect())
}

fn rounds(len: usize, parts: Vec<Vec<usize>>) -> Vec<Fold> {
    let round = |test: Vec<usize>| {
        let mut tested = vec![false; len];
        test.iter().for_each(|&example| tested[example] = true);
        Fold { train: (0..len).filter(|&example| !tested[example]).collect(), test }
    };
    parts.into_iter().map(round).collect()
}
