//! Precision: `true positives / predicted positives`; 0 if nothing was predicted positive, as in Keras.
//!
//! With several classes, the unweighted mean over those that occur or are predicted (macro average, as scikit-learn;
//! Keras instead thresholds all outputs at 0.5 and pools them).

use super::confusion::{Confusion, Counts};
use super::{Accumulator, Task, Truth};

pub(super) struct Precision(Confusion);

impl Precision {
    pub(super) fn new(task: Task) -> Self {
        Precision(Confusion::new(task))
    }
}

impl Accumulator for Precision {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        self.0.add(prediction, truth);
    }

    fn value(&self) -> f64 {
        self.0.mean(Counts::precision)
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
    fn two_classes_and_none_predicted() {
        let mut metric = Precision::new(Task { kind: Kind::Binary, units: 1, logits: false });
        metric.add(&[0.1, 0.2], Truth::Classes(&[1, 0]));
        assert_eq!(metric.value(), 0.0);
        metric.add(&[0.9, 0.8, 0.7], Truth::Classes(&[1, 0, 1]));
        assert_eq!(metric.value(), 2.0 / 3.0);
    }

    #[test]
    fn several_classes_are_averaged_without_weights() {
        // Predicted 0, 0, 1, 2 against 0, 1, 1, 1: 1/2, 1/1 and 0/1; class 3 never occurs.
        let mut metric = Precision::new(Task { kind: Kind::MultiClass, units: 4, logits: false });
        let rows = [[9., 0., 0., 0.], [9., 0., 0., 0.], [0., 9., 0., 0.], [0., 0., 9., 0.]].concat();
        metric.add(&rows, Truth::Classes(&[0, 1, 1, 1]));
        assert_eq!(metric.value(), 0.5);
    }
}
