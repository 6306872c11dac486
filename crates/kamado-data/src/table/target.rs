//! The mean of the label for each category.
//!
//! Source: Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in classification and
//! prediction problems", SIGKDD Explorations 3 (2001); the estimate of scikit-learn's `TargetEncoder`.

use crate::streams;

/// The folds of which four give the encoding of the fifth.
pub(super) const FOLDS: usize = 5;

/// The encoding of each code: its mean of `target` over `rows`, drawn towards the mean over all of them. A code without
/// rows gets that mean.
///
/// With `smoothing` m and n rows of the code: `(n * mean_code + m * mean) / (n + m)`. Without it, empirical Bayes:
/// `l * mean_code + (1 - l) * mean` with `l = n * var / (n * var + var_code)`.
pub(super) fn means(
    codes: &[u32],
    count: usize,
    target: &[f64],
    smoothing: Option<f64>,
    rows: impl Iterator<Item = usize> + Clone,
) -> Vec<f64> {
    let mut sums = vec![(0.0f64, 0usize); count];
    let (mut sum, mut n) = (0.0f64, 0usize);
    for row in rows.clone() {
        let code = &mut sums[codes[row] as usize];
        *code = (code.0 + target[row], code.1 + 1);
        (sum, n) = (sum + target[row], n + 1);
    }
    let mean = sum / n.max(1) as f64;
    let own: Vec<f64> = sums.iter().map(|&(sum, n)| if n > 0 { sum / n as f64 } else { mean }).collect();
    let (mut squares, mut variance) = (vec![0.0f64; count], 0.0f64);
    for row in rows {
        squares[codes[row] as usize] += (target[row] - own[codes[row] as usize]).powi(2);
        variance += (target[row] - mean).powi(2) / n as f64;
    }
    let weight = |code: usize| {
        let n = sums[code].1 as f64;
        let between = n * variance;
        match smoothing {
            Some(smoothing) => n / (n + smoothing),
            None => between / (between + squares[code] / n),
        }
    };
    let drawn = |code: usize| {
        let weight = Some(weight(code)).filter(|weight| weight.is_finite()).unwrap_or(0.0);
        weight * own[code] + (1.0 - weight) * mean
    };
    (0..count).map(drawn).collect()
}

/// The fold of each row, equally many in each, at random.
pub(super) fn folds(rows: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    streams::table(seed, 1).shuffle(&mut order);
    let mut folds = vec![0; rows];
    order.into_iter().enumerate().for_each(|(i, row)| folds[row] = i % FOLDS);
    folds
}
