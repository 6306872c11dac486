//! Loss and metrics over some examples.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Loss and metrics, weighted by example.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Evaluation {
    /// The mean loss.
    pub loss: f64,
    /// Every metric by its key, in the order in which they were asked for; NaN where a metric is not defined.
    pub metrics: Vec<(String, f64)>,
}

impl Evaluation {
    /// The value of a metric; `loss` is one of them.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The loss and every metric.
    pub fn entries(&self) -> impl Iterator<Item = (&str, f64)> {
        std::iter::once(("loss", self.loss)).chain(self.metrics.iter().map(|(name, value)| (name.as_str(), *value)))
    }
}

impl Serialize for Evaluation {
    /// `{"loss": …, "accuracy": …}`; a number that JSON does not have is written as `null`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.entries() {
            map.serialize_entry(name, &finite(value))?;
        }
        map.end()
    }
}

impl fmt::Display for Evaluation {
    /// `loss: 0.1475 - accuracy: 0.9556`, as Keras prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.entries().enumerate() {
            write!(f, "{}{name}: {}", if i == 0 { "" } else { " - " }, Score(value))?;
        }
        Ok(())
    }
}

/// A loss or metric as Keras prints it: four decimals, or a power of ten if it is at most 0.001 and not zero.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Score(pub f64);

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Score(value) = *self;
        if value == 0.0 || value.abs() > 1e-3 || !value.is_finite() {
            write!(f, "{value:.4}")
        } else {
            write!(f, "{value:.4e}")
        }
    }
}

/// The number, unless JSON has no such number.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_keras_and_keeps_its_order() {
        let metrics = vec![("precision".into(), 0.95561), ("accuracy".into(), f64::NAN), ("mae".into(), 0.000_321)];
        let evaluation = Evaluation { loss: 0.14749, metrics };
        assert_eq!(evaluation.to_string(), "loss: 0.1475 - precision: 0.9556 - accuracy: NaN - mae: 3.2100e-4");
        let json = serde_json::to_string(&evaluation).unwrap();
        assert_eq!(json, r#"{"loss":0.14749,"precision":0.95561,"accuracy":null,"mae":0.000321}"#);
        assert_eq!((evaluation.get("loss"), evaluation.get("recall")), (Some(0.14749), None));
    }
}
