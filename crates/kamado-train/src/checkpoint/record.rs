//! What a checkpoint says of its run besides tensors.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::evaluation::Evaluation;
use crate::history::EpochRecord;

/// Where a run is, what it is made of and what it has achieved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) format: u32,
    /// The epoch under way, from one; one more than there are if all are done.
    pub(crate) epoch: usize,
    /// The steps of it that were taken.
    pub(crate) step: usize,
    /// The steps of the run that were taken.
    pub(crate) taken: u64,
    /// How long the run has taken, and the epoch.
    pub(crate) seconds: f64,
    pub(crate) epoch_seconds: f64,
    /// The best value so far of what `keep_best` watches.
    pub(crate) best: Option<Exact>,
    /// What the run is made of.
    pub(crate) run: Value,
    pub(crate) history: Vec<EpochState>,
    /// What callbacks have multiplied learning rates by.
    pub(crate) learning_rate_factor: f64,
    /// Why training ended before the last epoch, if it has.
    pub(crate) stopped: Option<String>,
    /// What callbacks remember, by their names.
    pub(crate) callbacks: BTreeMap<String, Value>,
}

/// A number with all its bits, also one that JSON does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exact(pub(crate) f64);

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.is_nan() && other.0.is_nan()
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_finite() {
            true => serializer.serialize_f64(self.0),
            false => serializer.serialize_str(&self.0.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Exact(number)),
            Written::Word(word) => word.parse().map(Exact).map_err(D::Error::custom),
        }
    }
}

/// An [`EpochRecord`] with all its bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochState {
    epoch: usize,
    epochs: usize,
    steps: usize,
    train: Scores,
    validation: Option<Scores>,
    seconds: Exact,
    waited: Exact,
}

type Scores = Vec<(String, Exact)>;

fn scores(evaluation: &Evaluation) -> Scores {
    evaluation.entries().map(|(name, value)| (name.to_owned(), Exact(value))).collect()
}

fn evaluation(scores: &Scores) -> Evaluation {
    let mut values = scores.iter().map(|(name, Exact(value))| (name.clone(), *value));
    let loss = values.next().map_or(f64::NAN, |(_, loss)| loss);
    Evaluation { loss, metrics: values.collect() }
}

impl From<&EpochRecord> for EpochState {
    fn from(record: &EpochRecord) -> Self {
        let EpochRecord { epoch, epochs, steps, train, validation, seconds, waited } = record;
        EpochState {
            epoch: *epoch,
            epochs: *epochs,
            steps: *steps,
            train: scores(train),
            validation: validation.as_ref().map(scores),
            seconds: Exact(*seconds),
            waited: Exact(*waited),
        }
    }
}

impl From<&EpochState> for EpochRecord {
    fn from(state: &EpochState) -> Self {
        EpochRecord {
            epoch: state.epoch,
            epochs: state.epochs,
            steps: state.steps,
            train: evaluation(&state.train),
            validation: state.validation.as_ref().map(evaluation),
            seconds: state.seconds.0,
            waited: state.waited.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_of_a_number_is_lost() {
        for number in [0.1 + 0.2, -0.0, f64::MIN_POSITIVE, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let text = serde_json::to_string(&Exact(number)).unwrap();
            let Exact(read) = serde_json::from_str(&text).unwrap();
            assert!(read.to_bits() == number.to_bits() || number.is_nan() && read.is_nan(), "{number} as {text}");
        }
        assert!(serde_json::from_str::<Exact>("\"x\"").is_err());
    }

    #[test]
    fn an_epoch_comes_back_as_it_was() {
        let train = Evaluation { loss: 0.1, metrics: vec![("auc".into(), f64::INFINITY), ("mae".into(), 0.5)] };
        let validation = Some(Evaluation { loss: 1.0 / 3.0, metrics: Vec::new() });
        let record = EpochRecord { epoch: 1, epochs: 2, steps: 3, train, validation, seconds: 0.25, waited: 0.0 };
        let text = serde_json::to_string(&EpochState::from(&record)).unwrap();
        assert_eq!(EpochRecord::from(&serde_json::from_str::<EpochState>(&text).unwrap()), record);
    }
}
