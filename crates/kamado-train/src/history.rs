//! What training achieved, epoch by epoch, and the file `history.json`.

use std::path::Path;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error::TrainError;
use crate::evaluation::{Evaluation, finite};
use crate::json::write_json;

/// One epoch.
#[derive(Clone, PartialEq, Debug)]
pub struct EpochRecord {
    /// The number of the epoch, from one.
    pub epoch: usize,
    /// The epochs that were asked for.
    pub epochs: usize,
    /// The steps that were taken in it.
    pub steps: usize,
    /// Loss and metrics while training: the mean over the epoch's examples, each measured just before the step that
    /// learnt from it, as in Keras.
    pub train: Evaluation,
    /// Loss and metrics on the validation data after the epoch.
    pub validation: Option<Evaluation>,
    /// How long the epoch took, validation included.
    pub seconds: f64,
    /// The share of the time of training that was spent waiting for data.
    pub waited: f64,
}

impl EpochRecord {
    /// The numbers of training, then those of validation with the prefix `val_`.
    pub fn entries(&self) -> impl Iterator<Item = (String, f64)> {
        let train = self.train.entries().map(|(name, value)| (name.to_owned(), value));
        let validation = self.validation.iter().flat_map(Evaluation::entries);
        train.chain(validation.map(|(name, value)| (format!("val_{name}"), value)))
    }

    /// One of them: `loss`, `val_accuracy`.
    pub fn get(&self, key: &str) -> Option<f64> {
        match key.strip_prefix("val_") {
            Some(key) => self.validation.as_ref()?.get(key),
            None => self.train.get(key),
        }
    }
}

impl Serialize for EpochRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("epoch", &self.epoch)?;
        for (name, value) in self.entries() {
            map.serialize_entry(&name, &finite(value))?;
        }
        map.serialize_entry("seconds", &finite(self.seconds))?;
        map.serialize_entry("waited", &finite(self.waited))?;
        map.end()
    }
}

/// What `fit` did. Written as
/// `{"epochs":[{"epoch":1,"loss":…,"accuracy":…,"val_loss":…,"val_accuracy":…,"seconds":…}],"test":{"loss":…}}`.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct History {
    /// The epochs that were finished.
    pub epochs: Vec<EpochRecord>,
    /// Loss and metrics on the test data, to be filled in by whoever holds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Evaluation>,
    /// Why training ended before its last epoch, if a callback or a limit of time has ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Whether training was stopped before its last step.
    #[serde(skip)]
    pub interrupted: bool,
}

impl History {
    /// The epoch with the smallest validation loss, or training loss if there is no validation.
    pub fn best(&self) -> Option<&EpochRecord> {
        let loss = |record: &&EpochRecord| record.validation.as_ref().unwrap_or(&record.train).loss;
        self.epochs.iter().min_by(|a, b| loss(a).total_cmp(&loss(b)))
    }

    /// Writes `history.json`, whole or not at all.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        write_json(path, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: usize, loss: f64, val_loss: Option<f64>) -> EpochRecord {
        let scores = |loss| Evaluation { loss, metrics: vec![("accuracy".into(), 0.5)] };
        let validation = val_loss.map(scores);
        EpochRecord { epoch, epochs: 2, steps: 3, train: scores(loss), validation, seconds: 1.5, waited: 0.25 }
    }

    #[test]
    fn the_file_has_the_documented_form() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.json");
        let test = Some(Evaluation { loss: 0.5, metrics: vec![("accuracy".into(), f64::NAN)] });
        let history = History { epochs: vec![record(1, 2.0, Some(1.25))], test, stopped: None, interrupted: true };
        history.save(&path).unwrap();
        let text: String = std::fs::read_to_string(&path).unwrap().split_whitespace().collect();
        let epoch =
            r#"{"epoch":1,"loss":2.0,"accuracy":0.5,"val_loss":1.25,"val_accuracy":0.5,"seconds":1.5,"waited":0.25}"#;
        let expected = format!(r#"{{"epochs":[{epoch}],"test":{{"loss":0.5,"accuracy":null}}}}"#);
        assert_eq!(text, expected);
    }

    #[test]
    fn validation_decides_which_epoch_is_best() {
        let mut history = History::default();
        assert_eq!(history.best(), None);
        history.epochs = vec![record(1, 0.9, Some(0.3)), record(2, 0.1, Some(0.4)), record(3, 0.2, Some(f64::NAN))];
        assert_eq!(history.best().map(|r| r.epoch), Some(1));
        history.epochs.iter_mut().for_each(|r| r.validation = None);
        assert_eq!(history.best().map(|r| r.epoch), Some(2));
    }
}
