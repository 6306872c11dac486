//! AUC: the area under the ROC curve, exactly.
//!
//! The probability that a positive example scores above a negative one, equals counting one half, which is the
//! statistic of Mann and Whitney (1947): with the ranks of all scores in ascending order, equals sharing their mean
//! rank, `AUC = (Σ ranks of positives - P(P+1)/2) / (P·N)`. Keras approximates it with 200 thresholds.
//!
//! With several classes or labels, the unweighted mean of one-against-rest over those that have both positives and
//! negatives. NaN if none has: the area is then not defined.

use super::{Accumulator, Kind, Task, Truth};

pub(super) struct Auc {
    task: Task,
    /// For every example and output: the score, and whether it should be positive.
    scores: Vec<(f32, bool)>,
}

impl Auc {
    pub(super) fn new(task: Task, examples: usize) -> Self {
        Auc { task, scores: Vec::with_capacity(examples.saturating_mul(task.units)) }
    }
}

impl Accumulator for Auc {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        let units = self.task.units;
        for (example, row) in prediction.chunks_exact(units).enumerate().take(truth.examples(units)) {
            // Logits of one class can be compared between examples only after the softmax over their own rows.
            let softmax = self.task.logits && self.task.kind == Kind::MultiClass;
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f32 = if softmax { row.iter().map(|x| (x - largest).exp()).sum() } else { 1.0 };
            for (unit, &output) in row.iter().enumerate() {
                let score = if softmax { (output - largest).exp() / total } else { output };
                self.scores.push((score, truth.value(example, unit, units) > 0.5));
            }
        }
    }

    fn value(&self) -> f64 {
        let areas = (0..self.task.units)
            .filter_map(|unit| area(self.scores.iter().skip(unit).step_by(self.task.units.max(1)).copied().collect()));
        let (n, sum) = areas.fold((0u32, 0.0), |(n, sum), area| (n + 1, sum + area));
        sum / f64::from(n)
    }

    fn is_cheap(&self) -> bool {
        false
    }

    fn reset(&mut self) {
        self.scores.clear();
    }

    fn state(&self) -> Vec<f64> {
        self.scores.iter().flat_map(|&(score, positive)| [f64::from(score), f64::from(u8::from(positive))]).collect()
    }

    fn restore(&mut self, state: &[f64]) {
        self.scores.clear();
        self.scores.extend(state.chunks_exact(2).map(|pair| (pair[0] as f32, pair[1] > 0.5)));
    }
}

/// The area for one class; `None` without positives or without negatives.
fn area(mut scores: Vec<(f32, bool)>) -> Option<f64> {
    let positives = scores.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = scores.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    scores.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut rank_sum = 0.0;
    let mut below = 0;
    for equals in scores.chunk_by(|a, b| a.0 == b.0) {
        let mean_rank = below as f64 + (equals.len() as f64 + 1.0) / 2.0;
        rank_sum += mean_rank * equals.iter().filter(|(_, positive)| *positive).count() as f64;
        below += equals.len();
    }
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auc(task: Task, prediction: &[f32], truth: Truth<'_>) -> f64 {
        let mut metric = Auc::new(task, 0);
        metric.add(prediction, truth);
        metric.value()
    }

    const BINARY: Task = Task { kind: Kind::Binary, units: 1, logits: false };

    #[test]
    fn matches_the_count_of_pairs() {
        // The example of scikit-learn's roc_auc_score: 3 of 4 pairs in order.
        assert_eq!(auc(BINARY, &[0.1, 0.4, 0.35, 0.8], Truth::Classes(&[0, 0, 1, 1])), 0.75);
        let scores = [0.3, 0.3, 0.1, 0.9, 0.5, 0.3, 0.5, 0.0, 0.7];
        let labels = [1, 0, 0, 1, 0, 1, 1, 0, 0];
        let mut pairs = Vec::new();
        for (p, _) in scores.iter().zip(labels).filter(|(_, l)| *l == 1) {
            for (n, _) in scores.iter().zip(labels).filter(|(_, l)| *l == 0) {
                pairs.push(if p > n {
                    1.0
                } else if p == n {
                    0.5
                } else {
                    0.0
                });
            }
        }
        let expected = pairs.iter().sum::<f64>() / pairs.len() as f64;
        assert!((auc(BINARY, &scores, Truth::Classes(&labels)) - expected).abs() < 1e-15);
    }

    #[test]
    fn all_equal_is_one_half_and_one_class_is_undefined() {
        assert_eq!(auc(BINARY, &[0.5; 4], Truth::Classes(&[0, 1, 1, 0])), 0.5);
        assert!(auc(BINARY, &[0.1, 0.9], Truth::Classes(&[1, 1])).is_nan());
        assert!(auc(BINARY, &[0.1, 0.9], Truth::Classes(&[0, 0])).is_nan());
    }

    #[test]
    fn several_classes_compare_probabilities_not_logits() {
        let logits = [2.0f32, 0.0, 1.0, 10.0, 12.0, 3.0, 0.0, 0.5, 4.0, 5.0, 5.0, 5.0];
        let softmax: Vec<f32> = logits
            .chunks(3)
            .flat_map(|row| {
                let total: f32 = row.iter().map(|x| x.exp()).sum();
                row.iter().map(move |x| x.exp() / total)
            })
            .collect();
        let truth = Truth::Classes(&[0, 1, 1, 0]);
        let task = Task { kind: Kind::MultiClass, units: 3, logits: false };
        let expected = auc(task, &softmax, truth);
        assert!((auc(Task { logits: true, ..task }, &logits, truth) - expected).abs() < 1e-15);
        // Class 2 never occurs, so only classes 0 and 1 count: (4/4 + 2/4) / 2 pairs in order.
        assert!((expected - 0.75).abs() < 1e-15, "{expected}");
    }
}
