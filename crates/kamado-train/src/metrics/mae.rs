//! Mean absolute error: `mean |output - target|` over outputs and examples. Class labels of a model with one output
//! per class read as one-hot.

use super::error_mean::ErrorMean;
use super::{Accumulator, Task, Truth};

pub(super) struct Mae(ErrorMean);

impl Mae {
    pub(super) fn new(task: Task) -> Self {
        Mae(ErrorMean::new(task))
    }
}

impl Accumulator for Mae {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        self.0.add(prediction, truth, f64::abs);
    }

    fn value(&self) -> f64 {
        self.0.value()
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
    fn is_the_mean_distance() {
        let mut metric = Mae::new(Task { kind: Kind::Regression, units: 2, logits: false });
        metric.add(&[1.0, 2.0, -1.0, 0.5], Truth::Values(&[0.0, 4.0, -1.0, 0.0]));
        assert_eq!(metric.value(), 3.5 / 4.0);
    }

    #[test]
    fn classes_read_as_one_hot() {
        let mut metric = Mae::new(Task { kind: Kind::MultiClass, units: 2, logits: false });
        metric.add(&[0.75, 0.25], Truth::Classes(&[1]));
        assert_eq!(metric.value(), 0.75);
    }
}
