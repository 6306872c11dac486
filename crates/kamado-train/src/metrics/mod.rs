//! What is measured beside the loss. One metric, one file.
//!
//! Every metric is a sum over examples that is accumulated batch by batch, so the last, smaller batch counts for as
//! many examples as it holds. Names and meanings are those of Keras; where a metric differs, its file says so.

mod accuracy;
mod auc;
mod confusion;
mod error_mean;
mod f1;
mod mae;
mod mse;
mod perplexity;
mod precision;
mod recall;
mod rmse;
mod task;
mod top_k;

pub use task::{Kind, Task, Truth};

use std::fmt;
use std::str::FromStr;

use crate::recipe::suggest::closest;

/// A metric, by its Keras name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Metric {
    /// The share of examples classified correctly.
    Accuracy,
    /// The share of examples whose class is among the `k` likeliest.
    TopK(usize),
    /// The exponential of the mean surprise at the right class.
    Perplexity,
    /// True positives over predicted positives.
    Precision,
    /// True positives over actual positives.
    Recall,
    /// The harmonic mean of precision and recall.
    F1,
    /// The area under the ROC curve.
    Auc,
    /// The mean absolute error.
    Mae,
    /// The mean squared error.
    Mse,
    /// The square root of the mean squared error.
    Rmse,
}

impl Metric {
    /// The names that [`Metric::from_str`] accepts, one for each metric.
    pub const NAMES: &'static [&'static str] = &[
        "accuracy",
        "top_k_categorical_accuracy",
        "perplexity",
        "precision",
        "recall",
        "f1_score",
        "auc",
        "mae",
        "mse",
        "rmse",
    ];

    /// Starts to accumulate this metric; `examples` is how many will come, so that nothing is allocated later.
    ///
    /// # Errors
    /// If the metric has no meaning for this task: what it needs, and which metrics fit.
    pub fn start(self, task: Task, examples: usize) -> Result<Box<dyn Accumulator>, MetricError> {
        let classifies = !matches!(task.kind, Kind::Regression | Kind::Unreadable);
        let fits = match self {
            _ if task.kind == Kind::Unreadable => false,
            Metric::Mae | Metric::Mse | Metric::Rmse => true,
            Metric::TopK(k) => task.kind == Kind::MultiClass && k >= 1,
            Metric::Perplexity => task.kind == Kind::MultiClass,
            _ => classifies,
        };
        if !fits {
            return Err(MetricError::Unfit { metric: self, kind: task.kind });
        }
        Ok(match self {
            Metric::Accuracy => Box::new(accuracy::Accuracy::new(task)),
            Metric::TopK(k) => Box::new(top_k::TopK::new(task, k)),
            Metric::Perplexity => Box::new(perplexity::Perplexity::new(task)),
            Metric::Precision => Box::new(precision::Precision::new(task)),
            Metric::Recall => Box::new(recall::Recall::new(task)),
            Metric::F1 => Box::new(f1::F1::new(task)),
            Metric::Auc => Box::new(auc::Auc::new(task, examples)),
            Metric::Mae => Box::new(mae::Mae::new(task)),
            Metric::Mse => Box::new(mse::Mse::new(task)),
            Metric::Rmse => Box::new(rmse::Rmse::new(task)),
        })
    }
}

impl fmt::Display for Metric {
    /// The key in `history.json` and in the progress line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Metric::Accuracy => "accuracy",
            Metric::TopK(5) => "top_k_categorical_accuracy",
            Metric::TopK(k) => return write!(f, "top_{k}_categorical_accuracy"),
            Metric::Perplexity => "perplexity",
            Metric::Precision => "precision",
            Metric::Recall => "recall",
            Metric::F1 => "f1_score",
            Metric::Auc => "auc",
            Metric::Mae => "mae",
            Metric::Mse => "mse",
            Metric::Rmse => "rmse",
        })
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    /// Reads a Keras name; `top_3_categorical_accuracy` names another `k` than the usual 5.
    fn from_str(name: &str) -> Result<Self, MetricError> {
        Ok(match name {
            "accuracy" | "acc" | "sparse_categorical_accuracy" | "categorical_accuracy" | "binary_accuracy" => {
                Metric::Accuracy
            }
            "top_k_categorical_accuracy" | "sparse_top_k_categorical_accuracy" | "top_k" => Metric::TopK(5),
            "perplexity" => Metric::Perplexity,
            "precision" => Metric::Precision,
            "recall" => Metric::Recall,
            "f1_score" | "f1" => Metric::F1,
            "auc" => Metric::Auc,
            "mae" | "mean_absolute_error" => Metric::Mae,
            "mse" | "mean_squared_error" => Metric::Mse,
            "rmse" | "root_mean_squared_error" => Metric::Rmse,
            _ => {
                let k = name.strip_prefix("top_").and_then(|rest| rest.strip_suffix("_categorical_accuracy"));
                match k.and_then(|k| k.parse().ok()) {
                    Some(k) if k >= 1 => Metric::TopK(k),
                    _ => return Err(MetricError::unknown(name)),
                }
            }
        })
    }
}

/// A metric under way.
pub trait Accumulator: Send {
    /// Takes in a batch: the outputs, `task.units` for each example, and what they should have been.
    fn add(&mut self, prediction: &[f32], truth: Truth<'_>);

    /// The value over everything taken in; NaN where it is not defined, such as over no example.
    fn value(&self) -> f64;

    /// Whether [`value`](Accumulator::value) costs so little that it can be shown after every step.
    fn is_cheap(&self) -> bool {
        true
    }

    /// Forgets everything, for the next epoch.
    fn reset(&mut self);

    /// All that was taken in, for a checkpoint in the middle of an epoch.
    fn state(&self) -> Vec<f64>;

    /// Takes up what [`state`](Accumulator::state) gave; numbers that are missing count as 0.
    fn restore(&mut self, state: &[f64]);
}

/// A number of a state.
fn measured(state: &[f64], index: usize) -> f64 {
    state.get(index).copied().unwrap_or(0.0)
}

/// A count of a state; exact, since no epoch has 2^53 examples.
fn counted(state: &[f64], index: usize) -> u64 {
    measured(state, index) as u64
}

/// A metric cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MetricError {
    /// No metric has this name.
    #[error("unknown metric {name:?}; {suggestion}the metrics are {}", Metric::NAMES.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// `did you mean …? `, or nothing.
        suggestion: String,
    },
    /// The metric has no meaning for this task.
    #[error("the metric {metric} does not fit {kind}; use {}", kind.metrics())]
    Unfit {
        /// The metric.
        metric: Metric,
        /// What the model does.
        kind: Kind,
    },
}

impl MetricError {
    fn unknown(name: &str) -> Self {
        let nearest = closest(name, Metric::NAMES);
        let suggestion = nearest.map(|known| format!("did you mean {known:?}? ")).unwrap_or_default();
        MetricError::Unknown { name: name.to_owned(), suggestion }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_printed_back() {
        for &name in Metric::NAMES {
            assert_eq!(name.parse::<Metric>().unwrap().to_string(), name);
        }
        assert_eq!("top_3_categorical_accuracy".parse(), Ok(Metric::TopK(3)));
        assert_eq!(Metric::TopK(3).to_string(), "top_3_categorical_accuracy");
    }

    #[test]
    fn an_unknown_name_gets_a_suggestion() {
        let message = "acuracy".parse::<Metric>().unwrap_err().to_string();
        assert!(message.contains("did you mean \"accuracy\"?"), "{message}");
        assert!("top_0_categorical_accuracy".parse::<Metric>().is_err());
        let message = "qqq".parse::<Metric>().unwrap_err().to_string();
        assert!(message.starts_with("unknown metric \"qqq\"; the metrics are accuracy"), "{message}");
    }

    #[test]
    fn a_metric_that_does_not_fit_the_task_is_refused() {
        let task = Task { kind: Kind::Regression, units: 1, logits: false };
        let message = Metric::Accuracy.start(task, 0).err().unwrap().to_string();
        assert!(message.contains("accuracy does not fit regression; use mae"), "{message}");
        let binary = Task { kind: Kind::Binary, ..task };
        assert!(Metric::TopK(2).start(binary, 0).is_err());
    }

    #[test]
    fn nothing_seen_is_nan_and_reset_forgets() {
        let task = Task { kind: Kind::MultiClass, units: 2, logits: false };
        for &name in Metric::NAMES {
            let mut metric = name.parse::<Metric>().unwrap().start(task, 2).unwrap();
            assert!(metric.value().is_nan(), "{name} over nothing");
            metric.add(&[0.9, 0.1, 0.2, 0.8], Truth::Classes(&[0, 1]));
            assert!(metric.value().is_finite(), "{name}");
            let (value, state) = (metric.value(), metric.state());
            metric.reset();
            assert!(metric.value().is_nan(), "{name} after reset");
            metric.restore(&state);
            assert_eq!((metric.value(), metric.state()), (value, state), "{name} restored");
        }
    }

    #[test]
    fn batches_of_unequal_size_weigh_by_example() {
        let task = Task { kind: Kind::MultiClass, units: 3, logits: false };
        let prediction = [0.6, 0.3, 0.1, 0.1, 0.2, 0.7, 0.5, 0.2, 0.3, 0.3, 0.4, 0.3, 0.2, 0.2, 0.6];
        let labels = [0, 2, 1, 1, 0];
        for &name in Metric::NAMES {
            let metric: Metric = name.parse().unwrap();
            let mut whole = metric.start(task, 5).unwrap();
            whole.add(&prediction, Truth::Classes(&labels));
            let mut parts = metric.start(task, 5).unwrap();
            parts.add(&prediction[..12], Truth::Classes(&labels[..4]));
            parts.add(&prediction[12..], Truth::Classes(&labels[4..]));
            assert_eq!(whole.value(), parts.value(), "{name}");
        }
    }
}
