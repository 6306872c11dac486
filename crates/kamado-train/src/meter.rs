//! Loss and metrics while batches go by.

use kamado_data::{Dataset, Labels};
use kamado_nn::losses::{Expects, Loss};

use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::metrics::{Accumulator, Kind, Metric, Task, Truth};

/// What a step says of its batch.
pub(crate) struct Measured<'a> {
    pub(crate) examples: usize,
    /// The mean loss.
    pub(crate) loss: f64,
    pub(crate) prediction: &'a [f32],
    pub(crate) truth: Truth<'a>,
    /// 0 at places that count neither in the loss nor in metrics; `None` if all count.
    pub(crate) counts: Option<&'a [f32]>,
}

/// Loss and metrics while batches go by; nothing is allocated after its making.
pub(crate) struct Meter {
    loss: f64,
    /// The places that `loss` is the sum over: examples, or time steps that count.
    places: f64,
    units: usize,
    metrics: Vec<Box<dyn Accumulator>>,
    logs: Evaluation,
}

impl Meter {
    /// A meter for an epoch of `examples` examples.
    ///
    /// # Errors
    /// If a metric does not fit the task.
    pub(crate) fn new(metrics: &[Metric], task: Task, examples: usize) -> Result<Self, TrainError> {
        let logs = Evaluation { loss: f64::NAN, metrics: metrics.iter().map(|m| (m.to_string(), f64::NAN)).collect() };
        let metrics = metrics.iter().map(|m| m.start(task, examples)).collect::<Result<_, _>>()?;
        Ok(Meter { loss: 0.0, places: 0.0, units: task.units, metrics, logs })
    }

    /// Takes in a batch.
    pub(crate) fn add(&mut self, batch: &Measured<'_>) {
        let Measured { examples, loss, prediction, truth, counts } = *batch;
        let places = counts.map_or(examples as f64, |counts| counts.iter().map(|&count| f64::from(count)).sum());
        self.loss += loss * places;
        self.places += places;
        let Some(counts) = counts else {
            self.metrics.iter_mut().for_each(|metric| metric.add(prediction, truth));
            return;
        };
        let units = self.units;
        for metric in &mut self.metrics {
            let mut start = 0;
            for run in counts.chunk_by(|a, b| (*a == 0.0) == (*b == 0.0)) {
                let places = start..start + run.len();
                if run[0] != 0.0 {
                    metric
                        .add(&prediction[places.start * units..places.end * units], truth.part(places.clone(), units));
                }
                start = places.end;
            }
        }
    }

    /// The values so far, without those that take long to compute.
    pub(crate) fn running(&mut self) -> &Evaluation {
        self.update(false);
        &self.logs
    }

    /// All values, after which a new epoch begins.
    pub(crate) fn finish(&mut self) -> Evaluation {
        self.update(true);
        (self.loss, self.places) = (0.0, 0.0);
        self.metrics.iter_mut().for_each(|metric| metric.reset());
        self.logs.clone()
    }

    /// What was taken in since the epoch began: of the loss, then of each metric.
    pub(crate) fn state(&self) -> Vec<Vec<f64>> {
        let metrics = self.metrics.iter().map(|metric| metric.state());
        std::iter::once(vec![self.loss, self.places]).chain(metrics).collect()
    }

    /// Takes up what [`state`](Meter::state) gave.
    pub(crate) fn restore(&mut self, state: &[Vec<f64>]) {
        let [own, metrics @ ..] = state else { return };
        let &[loss, places] = own.as_slice() else { return };
        (self.loss, self.places) = (loss, places);
        self.metrics.iter_mut().zip(metrics).for_each(|(metric, state)| metric.restore(state));
    }

    fn update(&mut self, all: bool) {
        self.logs.loss = self.loss / self.places;
        for ((_, value), metric) in self.logs.metrics.iter_mut().zip(&self.metrics) {
            *value = if all || metric.is_cheap() { metric.value() } else { f64::NAN };
        }
    }
}

/// What a model with `units` outputs does under this loss on these labels.
pub(crate) fn task(loss: &Loss, units: usize, data: &Dataset) -> Task {
    let exclusive = matches!(data.labels(), Labels::Classes { .. });
    let two = matches!(data.labels(), Labels::Classes { names, .. } if names.len() == 2);
    let (kind, logits) = match (loss, loss.expects()) {
        // Neither an alignment nor distances between parts of the output can be compared with labels place by place.
        (Loss::Ctc(_) | Loss::Triplet(_) | Loss::InfoNce(_), _) => (Kind::Unreadable, false),
        (_, Expects::Softmax { from_logits }) => (Kind::MultiClass, from_logits),
        (_, Expects::Sigmoid { from_logits }) if units == 1 => (Kind::Binary, from_logits),
        // One sigmoid for each of several classes: the largest is the answer, but there is no softmax to undo.
        (_, Expects::Sigmoid { .. }) if exclusive => (Kind::MultiClass, false),
        (_, Expects::Sigmoid { from_logits }) => (Kind::MultiLabel, from_logits),
        // Scores have the threshold of logits.
        (_, Expects::Scores) if units == 1 => (Kind::Binary, true),
        (Loss::CategoricalHinge(_), _) => (Kind::MultiClass, true),
        (_, Expects::Scores) if exclusive => (Kind::MultiClass, true),
        (_, Expects::Scores) => (Kind::MultiLabel, true),
        (_, Expects::Values) if exclusive && units > 1 => (Kind::MultiClass, false),
        (_, Expects::Values) if two => (Kind::Binary, false),
        (_, Expects::Values) => (Kind::Regression, false),
    };
    Task { kind, units, logits }
}

#[cfg(test)]
mod tests {
    use kamado_nn::losses::{Ctc, Hinge};

    use super::*;
    use crate::testing::{classes, values};

    #[test]
    fn batches_weigh_by_their_examples() {
        let task = Task { kind: Kind::MultiClass, units: 2, logits: false };
        let mut meter = Meter::new(&[Metric::Accuracy, Metric::Auc], task, 3).unwrap();
        let batch = |examples, loss, prediction, labels| Measured {
            examples,
            loss,
            prediction,
            truth: Truth::Classes(labels),
            counts: None,
        };
        meter.add(&batch(2, 1.0, &[0.9, 0.1, 0.2, 0.8], &[0, 0]));
        meter.add(&batch(1, 4.0, &[0.3, 0.7], &[1]));
        let running = meter.running().clone();
        assert_eq!((running.loss, running.get("accuracy")), (2.0, Some(2.0 / 3.0)));
        assert!(running.get("auc").unwrap().is_nan());
        assert_eq!(meter.finish().get("auc"), Some(0.5));
        meter.add(&batch(1, 7.0, &[0.3, 0.7], &[1]));
        assert_eq!(meter.finish().loss, 7.0);
    }

    #[test]
    fn padding_counts_neither_in_the_loss_nor_in_metrics() {
        let task = Task { kind: Kind::MultiClass, units: 2, logits: false };
        let mut meter = Meter::new(&[Metric::Accuracy], task, 4).unwrap();
        let prediction = [0.9, 0.1, 0.2, 0.8, 0.2, 0.8, 0.3, 0.7];
        let truth = Truth::Classes(&[0, 0, 1, -1]);
        meter.add(&Measured {
            examples: 2,
            loss: 1.0,
            prediction: &prediction,
            truth,
            counts: Some(&[1.0, 0.0, 1.0, 0.0]),
        });
        meter.add(&Measured {
            examples: 2,
            loss: 4.0,
            prediction: &prediction,
            truth,
            counts: Some(&[0.0, 1.0, 0.0, 0.0]),
        });
        let logs = meter.finish();
        assert_eq!((logs.loss, logs.get("accuracy")), (2.0, Some(2.0 / 3.0)));
    }

    #[test]
    fn the_task_follows_from_loss_outputs_and_labels() {
        let (two, three, numbers) = (classes(&[0, 1], 2), classes(&[0, 1], 3), values(&[0.5, 1.0], 1));
        let kind = |loss, units, data: &Dataset| task(&loss, units, data).kind;
        assert_eq!(kind(Loss::SPARSE_CATEGORICAL_CROSSENTROPY, 3, &three), Kind::MultiClass);
        assert_eq!(kind(Loss::BINARY_CROSSENTROPY, 1, &two), Kind::Binary);
        assert_eq!(kind(Loss::BINARY_CROSSENTROPY, 3, &three), Kind::MultiClass);
        assert_eq!(kind(Loss::BINARY_CROSSENTROPY, 4, &values(&[0.0; 8], 4)), Kind::MultiLabel);
        assert_eq!(kind(Loss::MSE, 1, &numbers), Kind::Regression);
        assert_eq!(kind(Loss::MSE, 1, &two), Kind::Binary);
        assert_eq!(kind(Loss::MSE, 3, &three), Kind::MultiClass);
        assert!(task(&crate::testing::SPARSE_LOGITS, 3, &three).logits);
        assert_eq!(kind(Ctc::default().into(), 3, &three), Kind::Unreadable);
        assert_eq!(task(&Hinge {}.into(), 1, &two), Task { kind: Kind::Binary, units: 1, logits: true });
    }
}
