//! The counts from which precision, recall and F1 follow, for each class.
//!
//! With one output there is one class, the positive one. With one output per class the predicted class is the
//! largest output. With independent labels each label is counted by itself.

use super::task::{Kind, argmax};
use super::{Task, Truth, counted};

/// How often one class was found, alleged, and there.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) true_positive: u64,
    pub(super) predicted: u64,
    pub(super) actual: u64,
}

impl Counts {
    /// `true positives / predicted positives`; 0 where nothing was predicted, as in Keras.
    pub(super) fn precision(&self) -> f64 {
        self.true_positive as f64 / self.predicted.max(1) as f64
    }

    /// `true positives / actual positives`; 0 where there are none, as in Keras.
    pub(super) fn recall(&self) -> f64 {
        self.true_positive as f64 / self.actual.max(1) as f64
    }

    /// `2·TP / (predicted + actual)`; 0 where both are 0.
    pub(super) fn f1(&self) -> f64 {
        2.0 * self.true_positive as f64 / (self.predicted + self.actual).max(1) as f64
    }
}

/// The counts of every class.
pub(super) struct Confusion {
    task: Task,
    counts: Vec<Counts>,
    examples: u64,
}

impl Confusion {
    pub(super) fn new(task: Task) -> Self {
        Confusion { task, counts: vec![Counts::default(); task.units], examples: 0 }
    }

    pub(super) fn add(&mut self, prediction: &[f32], truth: Truth<'_>) {
        let units = self.task.units;
        for (example, row) in prediction.chunks_exact(units).enumerate().take(truth.examples(units)) {
            self.examples += 1;
            let (class, guess) = match self.task.kind {
                Kind::MultiClass => (truth.class(example, units), argmax(row)),
                _ => (None, None),
            };
            for (unit, counts) in self.counts.iter_mut().enumerate() {
                let (actual, predicted) = match self.task.kind {
                    Kind::MultiClass => (class == Some(unit), guess == Some(unit)),
                    _ => (truth.value(example, unit, units) > 0.5, row[unit] > self.task.threshold()),
                };
                counts.true_positive += u64::from(actual && predicted);
                counts.predicted += u64::from(predicted);
                counts.actual += u64::from(actual);
            }
        }
    }

    /// The unweighted mean over the classes (macro average). Several classes: those that were neither there nor
    /// predicted are left out, as in scikit-learn, since nothing is known of them.
    pub(super) fn mean(&self, score: impl Fn(&Counts) -> f64) -> f64 {
        if self.examples == 0 {
            return f64::NAN;
        }
        let seen = self.counts.iter().filter(|c| self.counts.len() == 1 || c.predicted + c.actual > 0);
        let (n, sum) = seen.fold((0u32, 0.0), |(n, sum), counts| (n + 1, sum + score(counts)));
        sum / f64::from(n.max(1))
    }

    pub(super) fn reset(&mut self) {
        self.counts.fill(Counts::default());
        self.examples = 0;
    }

    pub(super) fn state(&self) -> Vec<f64> {
        let counts = self.counts.iter().flat_map(|c| [c.true_positive, c.predicted, c.actual]);
        std::iter::once(self.examples).chain(counts).map(|count| count as f64).collect()
    }

    pub(super) fn restore(&mut self, state: &[f64]) {
        self.examples = counted(state, 0);
        for (unit, counts) in self.counts.iter_mut().enumerate() {
            let [true_positive, predicted, actual] = [1, 2, 3].map(|i| counted(state, 3 * unit + i));
            *counts = Counts { true_positive, predicted, actual };
        }
    }
}
