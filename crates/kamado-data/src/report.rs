//! What data look like, for people.
//!
//! [`Summary::of`] measures a table; [`html`] writes it as one page that needs no network: histograms, correlations, a map of
//! what is missing, duplicates, samples, and what should be looked at before training.

mod columns;
mod correlation;
mod histogram;
mod page;
mod svg;
mod warnings;

use serde::Serialize;

use crate::clean::duplicates;
use crate::error::Result;
use crate::frame::Frame;

pub use columns::{ColumnSummary, Details};
pub use correlation::Correlations;
pub use histogram::Histogram;
pub(crate) use page::day;
pub use page::{Page, escaped, html};

/// In how many bands of rows the map of missing values is divided.
const BANDS: usize = 100;

/// What a table is like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The number of rows.
    pub rows: usize,
    /// The columns, in order.
    pub columns: Vec<ColumnSummary>,
    /// The column to be predicted, if it is known.
    pub label: Option<String>,
    /// How many rows are equal to an earlier one.
    pub duplicates: usize,
    /// How columns of numbers go together.
    pub correlations: Correlations,
    /// For each column with missing values the share of them in each of up to a hundred bands of rows.
    pub missing: Vec<(String, Vec<f32>)>,
    /// What should be looked at before training.
    pub warnings: Vec<String>,
}

impl Summary {
    /// Measures all rows of a table; `label` is the column to be predicted.
    ///
    /// # Errors
    /// If there is no column `label`.
    pub fn of(frame: &Frame, label: Option<&str>) -> Result<Self> {
        if let Some(label) = label {
            frame.column(label)?;
        }
        let columns = frame.columns().iter().map(ColumnSummary::of).collect::<Result<Vec<_>>>()?;
        let mut summary = Summary {
            rows: frame.rows(),
            columns,
            label: label.map(str::to_owned),
            duplicates: duplicates(frame).len(),
            correlations: Correlations::of(frame)?,
            missing: missing(frame),
            warnings: Vec::new(),
        };
        summary.warnings = warnings::of(&summary);
        Ok(summary)
    }
}

fn missing(frame: &Frame) -> Vec<(String, Vec<f32>)> {
    let bands = BANDS.min(frame.rows());
    let band = |band: usize| band * frame.rows() / bands..(band + 1) * frame.rows() / bands;
    let share = |column: &crate::frame::Column, rows: std::ops::Range<usize>| {
        column.values().slice(rows.start, rows.len()).null_count() as f32 / rows.len() as f32
    };
    let columns = frame.columns().iter().filter(|column| column.missing() > 0);
    columns.map(|column| (column.name().to_owned(), (0..bands).map(|i| share(column, band(i))).collect())).collect()
}
