//! F1: the harmonic mean of precision and recall, `2·TP / (predicted + actual)`; 0 if there is neither.
//!
//! With several classes, the unweighted mean over those that occur or are predicted (macro average). Keras' `F1Score`
//! has no average by default and counts absent classes as 0 when asked for the macro average.

use super::confusion::{Confusion, Counts};
use super::{Accumulator, Task, Truth};

pub(super) struct F1(Confusion);

impl F1 {
    pub(super) fn new(task: Task) -> Self {
        F1(Confusion::new(task))
    }
}

impl Accumulator for F1 {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        self.0.add(prediction, truth);
    }

    fn value(&self) -> f64 {
        self.0.mean(Counts::f1)
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn state(&self) -> Vec<f64> {
        self.0.state()
    }

    fn restore(&mut self, state: &[f64]) {
        self.0.restore(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    #[test]
    fn is_the_harmonic_mean() {
        let mut metric = F1::new(Task { kind: Kind::Binary, units: 1, logits: false });
        metric.add(&[0.1, 0.2], Truth::Classes(&[0, 0]));
        assert_eq!(metric.value(), 0.0);
        // Precision 2/3, recall 2/4.
        metric.add(&[0.9, 0.9, 0.9, 0.1, 0.1], Truth::Classes(&[1, 1, 0, 1, 1]));
        let (precision, recall) = (2.0 / 3.0, 0.5);
        assert!((metric.value() - 2.0 * precision * recall / (precision + recall)).abs() < 1e-15);
    }

    #[test]
    fn labels_are_averaged_without_weights() {
        let mut metric = F1::new(Task { kind: Kind::MultiLabel, units: 2, logits: false });
        metric.add(&[0.9, 0.9, 0.9, 0.1], Truth::Values(&[1.0, 0.0, 1.0, 1.0]));
        assert_eq!(metric.value(), 0.5);
    }
}
