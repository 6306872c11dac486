//! The numbers of an epoch that decisions are made by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::history::EpochRecord;
use crate::metrics::{Metric, MetricError};
use crate::recipe::suggest::closest;

/// A number of an epoch by its key in `history.json`: `loss` or a metric of training, or `val_…`, that of validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Monitor {
    key: String,
    rises: bool,
}

impl FromStr for Monitor {
    type Err = MetricError;

    fn from_str(key: &str) -> Result<Self, MetricError> {
        let name = key.strip_prefix("val_").unwrap_or(key);
        let (name, rises) = match name {
            "loss" => ("loss".to_owned(), false),
            name => {
                let metric: Metric = name.parse()?;
                (metric.to_string(), !matches!(metric, Metric::Mae | Metric::Mse | Metric::Rmse | Metric::Perplexity))
            }
        };
        let prefix = if key.starts_with("val_") { "val_" } else { "" };
        Ok(Monitor { key: format!("{prefix}{name}"), rises })
    }
}

impl TryFrom<String> for Monitor {
    type Error = MetricError;

    fn try_from(key: String) -> Result<Self, MetricError> {
        key.parse()
    }
}

impl From<Monitor> for String {
    fn from(monitor: Monitor) -> String {
        monitor.key
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

impl Monitor {
    /// Whether a larger number is better, as with accuracy, and not a smaller one, as with losses and errors.
    pub fn rises(&self) -> bool {
        self.rises
    }

    /// Its value in an epoch.
    ///
    /// # Errors
    /// If the epoch has no such number: there is no validation, or the metric was not asked for.
    pub fn of(&self, record: &EpochRecord) -> Result<f64, TrainError> {
        if let Some(value) = record.get(&self.key) {
            return Ok(value);
        }
        let known: Vec<String> = record.entries().map(|(name, _)| name).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let near = closest(&self.key, &known).map_or_else(String::new, |near| format!("Did you mean {near:?}? "));
        let remedy = format!("{near}There are {}; validation data or `metrics` give more", known.join(", "));
        Err(TrainError::request(format!("no epoch has a number {:?} to watch", self.key), remedy))
    }

    /// The loss on the validation data.
    pub fn val_loss() -> Self {
        Monitor { key: "val_loss".to_owned(), rises: false }
    }

    /// Whether `value` beats the best one so far.
    pub fn is_better(&self, value: f64, best: Option<f64>) -> bool {
        self.is_better_by(value, best, 0.0)
    }

    /// Whether `value` beats the best one so far by more than `delta`.
    pub fn is_better_by(&self, value: f64, best: Option<f64>, delta: f64) -> bool {
        match best {
            _ if value.is_nan() => false,
            None => true,
            Some(best) if self.rises => value > best + delta,
            Some(best) => value < best - delta,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Evaluation;

    #[test]
    fn losses_fall_and_accuracies_rise() {
        let monitor = |key: &str| key.parse::<Monitor>().unwrap();
        assert!(monitor("val_accuracy").is_better(0.9, Some(0.8)));
        assert!(!monitor("val_loss").is_better(0.9, Some(0.8)) && monitor("loss").is_better(0.7, Some(0.8)));
        assert!(!monitor("mae").rises() && monitor("val_auc").is_better(0.1, None));
        assert!(!monitor("loss").is_better(f64::NAN, None));
        assert_eq!(monitor("val_acc").to_string(), "val_accuracy");
        assert!("val_acuracy".parse::<Monitor>().unwrap_err().to_string().contains("did you mean \"accuracy\"?"));
    }

    #[test]
    fn what_an_epoch_lacks_is_said() {
        let train = Evaluation { loss: 0.5, metrics: vec![("accuracy".into(), 0.75)] };
        let record = EpochRecord { epoch: 1, epochs: 1, steps: 1, train, validation: None, seconds: 1.0, waited: 0.0 };
        assert_eq!("accuracy".parse::<Monitor>().unwrap().of(&record).unwrap(), 0.75);
        let error = "val_accuracy".parse::<Monitor>().unwrap().of(&record).unwrap_err().to_string();
        assert!(
            error.contains("no epoch has a number \"val_accuracy\"") && error.contains("loss, accuracy"),
            "{error}"
        );
    }
}
