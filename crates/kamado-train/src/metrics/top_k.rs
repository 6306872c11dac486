//! Top-k accuracy: the share of examples whose class is among the `k` largest outputs.
//!
//! As TensorFlow's `in_top_k`: the class is among them if fewer than `k` outputs are strictly larger, so equals at
//! the border count as hits; an example with a NaN output is a miss.

use super::{Accumulator, Task, Truth, counted};

pub(super) struct TopK {
    task: Task,
    k: usize,
    hits: u64,
    examples: u64,
}

impl TopK {
    pub(super) fn new(task: Task, k: usize) -> Self {
        TopK { task, k, hits: 0, examples: 0 }
    }
}

impl Accumulator for TopK {
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        let units = self.task.units;
        for (example, row) in prediction.chunks_exact(units).enumerate().take(truth.examples(units)) {
            let hit = truth.class(example, units).is_some_and(|class| {
                row.iter().all(|x| !x.is_nan()) && row.iter().filter(|&&x| x > row[class]).count() < self.k
            });
            self.hits += u64::from(hit);
            self.examples += 1;
        }
    }

    fn value(&self) -> f64 {
        self.hits as f64 / self.examples as f64
    }

    fn reset(&mut self) {
        (self.hits, self.examples) = (0, 0);
    }

    fn state(&self) -> Vec<f64> {
        vec![self.hits as f64, self.examples as f64]
    }

    fn restore(&mut self, state: &[f64]) {
        (self.hits, self.examples) = (counted(state, 0), counted(state, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    #[test]
    fn counts_the_strictly_larger() {
        let top = |k, labels: &[i32]| {
            let mut metric = TopK::new(Task { kind: Kind::MultiClass, units: 4, logits: false }, k);
            metric.add(&[0.1, 0.2, 0.3, 0.4, 0.25, 0.25, 0.25, 0.25], Truth::Classes(labels));
            metric.value()
        };
        assert_eq!(top(1, &[3, 3]), 1.0);
        assert_eq!(top(1, &[2, 0]), 0.5);
        assert_eq!(top(2, &[2, 0]), 1.0);
        assert_eq!(top(3, &[0, 9]), 0.0);
        assert_eq!(top(9, &[0, 1]), 1.0);
    }
}
