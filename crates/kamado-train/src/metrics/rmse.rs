//! Root mean squared error: `√ mean (output - target)²`, in the units of the target.

use super::error_mean::ErrorMean;
use super::{Accumulator, Task, Truth};

pub(super) struct Rmse(ErrorMean);

impl Rmse {
    pub(super) fn new(task: Task) -> Self {
        Rmse(ErrorMean::new(task))
    }
}

impl Accumulator for Rmse {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        self.0.add(prediction, truth, |error| error * error);
    }

    fn value(&self) -> f64 {
        self.0.value().sqrt()
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
    fn is_the_root_of_the_whole_mean_not_a_mean_of_roots() {
        let mut metric = Rmse::new(Task { kind: Kind::Regression, units: 1, logits: false });
        metric.add(&[1.0, 2.0], Truth::Values(&[0.0, 4.0]));
        metric.add(&[5.0], Truth::Values(&[0.0]));
        assert_eq!(metric.value(), 10.0f64.sqrt());
    }
}
