//! Missing values, outliers, duplicates, and rows that cannot be used.
//!
//! A [`Cleaner`] is fitted on the training rows and kept in the model. [`Cleaner::clean`] is for rows to train on: it
//! may put rows aside, each with its reason. [`Cleaner::complete`] is for every other row: it fills and clips, but
//! answers as many rows as it was given.

use serde::{Deserialize, Serialize};

mod cleaner;
mod coerce;
mod duplicates;
mod label_noise;
mod missing;
mod neighbours;
mod outliers;
mod softmax_regression;

pub use cleaner::{Cleaned, Cleaner};
pub(crate) use coerce::coerced;
pub use duplicates::duplicates;
pub(crate) use duplicates::{equal, row_hashes};
pub use label_noise::{LabelIssue, label_issues, out_of_fold};
pub use missing::{Missing, Value};
pub use outliers::{OutlierAction, OutlierRule, Outliers};

/// A row that cannot be used, put aside with the reason; nothing is dropped in silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BadRow {
    /// Where it came from, as [`Frame::place`](crate::frame::Frame::place) writes it: `adult.csv, row 17`.
    pub place: String,
    /// Why it cannot be used, for people.
    pub reason: String,
    /// The row as it was written, or its beginning.
    pub text: String,
}
