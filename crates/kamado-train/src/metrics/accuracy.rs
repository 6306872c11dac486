//! Accuracy: the share of right answers.
//!
//! - one output: right if `output > 0.5` (logits: `> 0`) exactly when the label is 1 (Keras `BinaryAccuracy`; Keras
//!   compares logits with 0.5 as well, which is an error we do not repeat);
//! - one output per class: right if the largest output is that of the class (`SparseCategoricalAccuracy` for class
//!   labels, `CategoricalAccuracy` for one-hot values);
//! - several independent labels: the mean over all labels of all examples (`BinaryAccuracy`).
//!
//! Outputs that are NaN count as wrong.

use super::task::{Kind, argmax};
use super::{Accumulator, Task, Truth, counted};

pub(super) struct Accuracy {
    task: Task,
    right: u64,
    asked: u64,
}

impl Accuracy {
    pub(super) fn new(task: Task) -> Self {
        Accuracy { task, right: 0, asked: 0 }
    }
}

impl Accumulator for Accuracy {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        let units = self.task.units;
        for (example, row) in prediction.chunks_exact(units).enumerate().take(truth.examples(units)) {
            if self.task.kind == Kind::MultiClass {
                let class = truth.class(example, units);
                self.right += u64::from(class.is_some() && argmax(row) == class);
                self.asked += 1;
            } else {
                let right = |(unit, &output): (usize, &f32)| {
                    let yes = truth.value(example, unit, units) > 0.5;
                    !output.is_nan() && (output > self.task.threshold()) == yes
                };
                self.right += row.iter().enumerate().filter(|&output| right(output)).count() as u64;
                self.asked += units as u64;
            }
        }
    }

    fn value(&self) -> f64 {
        self.right as f64 / self.asked as f64
    }

    fn reset(&mut self) {
        (self.right, self.asked) = (0, 0);
    }

    fn state(&self) -> Vec<f64> {
        vec![self.right as f64, self.asked as f64]
    }

    fn restore(&mut self, state: &[f64]) {
        (self.right, self.asked) = (counted(state, 0), counted(state, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accuracy(kind: Kind, units: usize, logits: bool, prediction: &[f32], truth: Truth<'_>) -> f64 {
        let mut metric = Accuracy::new(Task { kind, units, logits });
        metric.add(prediction, truth);
        metric.value()
    }

    #[test]
    fn classes_and_one_hot_agree() {
        let prediction = [0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.4, 0.3, 0.3];
        let of = |truth| accuracy(Kind::MultiClass, 3, false, &prediction, truth);
        assert_eq!(of(Truth::Classes(&[0, 1, 2])), 2.0 / 3.0);
        assert_eq!(of(Truth::Values(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0])), 2.0 / 3.0);
    }

    #[test]
    fn the_threshold_of_a_logit_is_zero() {
        let truth = Truth::Classes(&[1, 0, 1, 0]);
        let prediction = [0.2, -0.2, 0.7, 0.9];
        assert_eq!(accuracy(Kind::Binary, 1, true, &prediction, truth), 0.75);
        assert_eq!(accuracy(Kind::Binary, 1, false, &prediction, truth), 0.5);
    }

    #[test]
    fn labels_count_one_by_one_and_nan_is_wrong() {
        let truth = Truth::Values(&[1.0, 0.0, 0.0, 1.0]);
        assert_eq!(accuracy(Kind::MultiLabel, 2, false, &[0.9, 0.9, f32::NAN, 0.9], truth), 0.5);
        assert_eq!(accuracy(Kind::MultiClass, 2, false, &[f32::NAN, 0.1], Truth::Classes(&[0])), 0.0);
    }
}
