//! The mean over examples of a function of output and target, itself averaged over the outputs of an example.

use super::{Task, Truth, counted, measured};

pub(super) struct ErrorMean {
    task: Task,
    sum: f64,
    count: u64,
}

impl ErrorMean {
    pub(super) fn new(task: Task) -> Self {
        ErrorMean { task, sum: 0.0, count: 0 }
    }

    pub(super) fn add(&mut self, prediction: &[f32], truth: Truth<'_>, penalty: impl Fn(f64) -> f64) {
        let units = self.task.units;
        for (example, row) in prediction.chunks_exact(units).enumerate().take(truth.examples(units)) {
            for (unit, &output) in row.iter().enumerate() {
                self.sum += penalty(f64::from(output) - f64::from(truth.value(example, unit, units)));
            }
            self.count += units as u64;
        }
    }

    pub(super) fn value(&self) -> f64 {
        self.sum / self.count as f64
    }

    pub(super) fn reset(&mut self) {
        (self.sum, self.count) = (0.0, 0);
    }

    pub(super) fn state(&self) -> Vec<f64> {
        vec![self.sum, self.count as f64]
    }

    pub(super) fn restore(&mut self, state: &[f64]) {
        (self.sum, self.count) = (measured(state, 0), counted(state, 1));
    }
}
