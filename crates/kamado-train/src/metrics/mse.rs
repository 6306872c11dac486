//! Mean squared error: `mean (output - target)²` over outputs and examples.

use super::error_mean::ErrorMean;
use super::{Accumulator, Task, Truth};

pub(super) struct Mse(ErrorMean);

impl Mse {
    pub(super) fn new(task: Task) -> Self {
        Mse(ErrorMean::new(task))
    }
}

impl Accumulator for Mse {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        self.0.add(prediction, truth, |error| error * error);
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
    fn is_the_mean_square() {
        let mut metric = Mse::new(Task { kind: Kind::Regression, units: 1, logits: false });
        metric.add(&[1.0, 2.0], Truth::Values(&[0.0, 4.0]));
        metric.add(&[3.0], Truth::Values(&[0.0]));
        assert_eq!(metric.value(), (1.0 + 4.0 + 9.0) / 3.0);
    }
}
