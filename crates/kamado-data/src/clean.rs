//! Missing values, outliers, duplicates, and rows that cannot be used.

use serde::{Deserialize, Serialize};

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
