//! What a model does, as far as metrics must know.

use std::fmt;
use std::ops::Range;

/// How outputs are to be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// One output per example: the probability of class 1.
    Binary,
    /// One output per class, of which exactly one is true.
    MultiClass,
    /// One output per label, each true or not by itself.
    MultiLabel,
    /// Numbers.
    Regression,
    /// Nothing that could be compared with labels place by place.
    Unreadable,
}

impl Kind {
    /// The metrics that fit, for messages.
    pub(super) fn metrics(self) -> &'static str {
        match self {
            Kind::Binary | Kind::MultiLabel => "accuracy, precision, recall, f1_score, auc, mae, mse or rmse",
            Kind::MultiClass => {
                "accuracy, top_k_categorical_accuracy, perplexity, precision, recall, f1_score, auc, mae, mse or rmse"
            }
            Kind::Regression => "mae, mse or rmse",
            Kind::Unreadable => "none; watch the loss",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Binary => "two-class classification",
            Kind::MultiClass => "multi-class classification",
            Kind::MultiLabel => "multi-label classification",
            Kind::Regression => "regression",
            Kind::Unreadable => "an output that labels do not describe place by place",
        })
    }
}

/// What a model does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    /// How outputs are to be read.
    pub kind: Kind,
    /// The number of outputs per example.
    pub units: usize,
    /// Whether the outputs are logits, to which the loss applies the sigmoid or softmax.
    pub logits: bool,
}

impl Task {
    /// The output above which the answer is "yes": probability 0.5, which is logit 0.
    pub(super) fn threshold(self) -> f32 {
        if self.logits { 0.0 } else { 0.5 }
    }
}

/// What the outputs of a batch should have been.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Truth<'a> {
    /// A class per example.
    Classes(&'a [i32]),
    /// As many values per example as there are outputs; one-hot for classes.
    Values(&'a [f32]),
}

impl<'a> Truth<'a> {
    /// The number of examples.
    pub(super) fn examples(&self, units: usize) -> usize {
        match self {
            Truth::Classes(classes) => classes.len(),
            Truth::Values(values) => values.len() / units.max(1),
        }
    }

    /// Only these examples.
    pub(crate) fn part(self, examples: Range<usize>, units: usize) -> Self {
        match self {
            Truth::Classes(classes) => Truth::Classes(&classes[examples]),
            Truth::Values(values) => Truth::Values(&values[examples.start * units..examples.end * units]),
        }
    }

    /// The class of an example of a multi-class task; of one-hot values the place of the largest.
    pub(super) fn class(&self, example: usize, units: usize) -> Option<usize> {
        match self {
            Truth::Classes(classes) => usize::try_from(classes[example]).ok().filter(|&class| class < units),
            Truth::Values(values) => argmax(&values[example * units..][..units]),
        }
    }

    /// The value that output `unit` of an example should have had; classes of a multi-class task read as one-hot.
    pub(super) fn value(&self, example: usize, unit: usize, units: usize) -> f32 {
        match self {
            Truth::Classes(classes) if units == 1 => classes[example] as f32,
            Truth::Classes(classes) => f32::from(usize::try_from(classes[example]) == Ok(unit)),
            Truth::Values(values) => values[example * units + unit],
        }
    }
}

/// The place of the largest number, the first of equals; `None` if one of them is NaN, which nothing is larger than.
pub(super) fn argmax(row: &[f32]) -> Option<usize> {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x.is_nan() {
            return None;
        }
        if x > row[best] {
            best = i;
        }
    }
    (!row.is_empty()).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_largest_and_nan_is_none() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(argmax(&[f32::NAN, 1.0]), None);
        assert_eq!(argmax(&[]), None);
    }

    #[test]
    fn classes_read_as_one_hot() {
        let truth = Truth::Classes(&[2, -1]);
        assert_eq!([0, 1, 2].map(|unit| truth.value(0, unit, 3)), [0.0, 0.0, 1.0]);
        assert_eq!([0, 1, 2].map(|unit| truth.value(1, unit, 3)), [0.0; 3]);
        assert_eq!((truth.class(0, 3), truth.class(1, 3)), (Some(2), None));
        assert_eq!(Truth::Values(&[0.0, 0.0, 1.0]).class(0, 3), Some(2));
    }
}
