//! What takes the place of a missing value.

use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};
use crate::frame::Kind;
use crate::stats::{mean_and_deviation, median, mode, sorted};

/// What happens where a value is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The row is not trained on, and refused elsewhere.
    Drop,
    /// The mean of the training values.
    Mean,
    /// The median of the training values.
    Median,
    /// The most frequent training value, the least of them if several are.
    Mode,
    /// This value.
    Constant(Value),
    /// The last known value above; the median (a category: the mode) where there is none.
    ForwardFill,
    /// The mean (a category: the mode) of this many training rows that are nearest by their numbers and dates, each in
    /// units of its standard deviation; as scikit-learn's `KNNImputer` after a `StandardScaler`. At most 2,000 training
    /// rows are kept for it.
    Knn(usize),
    /// A category of its own.
    Category,
}

/// A number or a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A number; of a date the milliseconds since 1970 in UTC.
    Number(f64),
    /// A name.
    Text(String),
}

/// A fitted [`Missing`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Fill {
    /// The row cannot be used.
    Drop,
    /// Missing stays missing.
    Keep,
    /// This value.
    With { value: Value },
    /// The last known value above.
    Forward { first: Value },
    /// The nearest rows.
    Nearest { count: usize, otherwise: Value },
}

impl Missing {
    /// What is done when nothing is said.
    pub(super) fn default_of(kind: &Kind) -> Missing {
        if *kind == Kind::Category { Missing::Category } else { Missing::Median }
    }

    /// Fits a column of numbers or dates to its known values.
    pub(super) fn fit_numbers(&self, values: &[f64]) -> Result<Fill> {
        let (mean, _) = mean_and_deviation(values);
        let known = |value: f64| match value.is_finite() {
            true => Ok(Value::Number(value)),
            false => Err(DataError::request("no training row has a value, or they are too large", "Ignore the column")),
        };
        Ok(match self {
            Missing::Drop => Fill::Drop,
            Missing::Mean => Fill::With { value: known(mean)? },
            Missing::Median => Fill::With { value: known(median(values))? },
            Missing::Mode => Fill::With { value: known(mode(&sorted(values)).unwrap_or(f64::NAN))? },
            Missing::Constant(Value::Number(value)) => Fill::With { value: known(*value)? },
            Missing::ForwardFill => Fill::Forward { first: known(median(values))? },
            Missing::Knn(count @ 1..) => Fill::Nearest { count: *count, otherwise: known(mean)? },
            _ => return Err(self.misplaced("numbers or dates", "\"median\" or { constant = 0 }")),
        })
    }

    /// Fits a column of categories to its known values.
    pub(super) fn fit_names(&self, values: &[&str]) -> Result<Fill> {
        let mut values = values.to_vec();
        values.sort_unstable();
        let most = || {
            let most = mode(&values).map(|name| Value::Text(name.to_owned()));
            most.ok_or_else(|| DataError::request("no training row has a value", "Ignore the column"))
        };
        Ok(match self {
            Missing::Drop => Fill::Drop,
            Missing::Category => Fill::Keep,
            Missing::Mode => Fill::With { value: most()? },
            Missing::Constant(Value::Text(name)) => Fill::With { value: Value::Text(name.clone()) },
            Missing::ForwardFill => Fill::Forward { first: most()? },
            Missing::Knn(count @ 1..) => Fill::Nearest { count: *count, otherwise: most()? },
            _ => return Err(self.misplaced("categories", "\"mode\", \"category\" or { constant = \"unknown\" }")),
        })
    }

    fn misplaced(&self, kind: &str, remedy: &str) -> DataError {
        DataError::request(format!("missing values of {kind} cannot be filled by {self:?}"), format!("Say {remedy}"))
    }
}
