//! Perplexity: `exp(mean -ln p)` with `p` the probability of the right class, over places that have one: the number of equally
//! likely classes that would be as hard to guess. Where the loss is a plain cross-entropy, it is `exp(loss)`.

use super::{Accumulator, Task, Truth, counted, measured};

pub(super) struct Perplexity {
    task: Task,
    surprise: f64,
    asked: u64,
}

impl Perplexity {
    pub(super) fn new(task: Task) -> Self {
        Perplexity { task, surprise: 0.0, asked: 0 }
    }

    /// `-ln p` of a class.
    fn surprise(&self, row: &[f32], class: usize) -> f64 {
        if !self.task.logits {
            return -f64::from(row[class]).ln();
        }
        let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = row.iter().map(|&z| (f64::from(z) - largest).exp()).sum();
        sum.ln() - (f64::from(row[class]) - largest)
    }
}

impl Accumulator for Perplexity {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        let units = self.task.units;
        for (example, row) in prediction.chunks_exact(units).enumerate().take(truth.examples(units)) {
            self.surprise += truth.class(example, units).map_or(f64::INFINITY, |class| self.surprise(row, class));
            self.asked += 1;
        }
    }

    fn value(&self) -> f64 {
        (self.surprise / self.asked as f64).exp()
    }

    fn reset(&mut self) {
        (self.surprise, self.asked) = (0.0, 0);
    }

    fn state(&self) -> Vec<f64> {
        vec![self.surprise, self.asked as f64]
    }

    fn restore(&mut self, state: &[f64]) {
        (self.surprise, self.asked) = (measured(state, 0), counted(state, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    #[test]
    fn is_the_number_of_equally_likely_classes() {
        for (logits, row) in [(false, [0.25; 4]), (true, [3.0; 4])] {
            let mut metric = Perplexity::new(Task { kind: Kind::MultiClass, units: 4, logits });
            metric.add(&row, Truth::Classes(&[2]));
            metric.add(&row, Truth::Classes(&[0]));
            assert!((metric.value() - 4.0).abs() < 1e-6, "{}", metric.value());
        }
    }
}
