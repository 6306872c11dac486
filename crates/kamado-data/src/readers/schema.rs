//! What is known of the columns of a table.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};
use crate::frame::{Frame, Kind};

/// A column: its name and what its values mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSchema {
    /// The name.
    pub name: String,
    /// What the values mean.
    pub kind: Kind,
}

/// The columns of a table, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// One after another.
    pub columns: Vec<ColumnSchema>,
}

impl Schema {
    /// That of a table.
    pub fn of(frame: &Frame) -> Self {
        let column = |column: &crate::frame::Column| ColumnSchema {
            name: column.name().to_owned(),
            kind: column.kind().clone(),
        };
        Schema { columns: frame.columns().iter().map(column).collect() }
    }

    /// The kinds by name, for [`ReadOptions::kinds`](super::ReadOptions::kinds): new files are then read as the first ones.
    pub fn kinds(&self) -> BTreeMap<String, Kind> {
        self.columns.iter().map(|column| (column.name.clone(), column.kind.clone())).collect()
    }

    /// Whether a table has at least these columns.
    ///
    /// # Errors
    /// If one is absent or of another kind.
    pub fn check(&self, frame: &Frame) -> Result<()> {
        self.columns.iter().try_for_each(|expected| {
            let found = frame.column(&expected.name)?.kind();
            if *found == expected.kind {
                return Ok(());
            }
            let problem = format!("column {:?} is {}, not {}", expected.name, found.word(), expected.kind.word());
            Err(DataError::request(problem, "Say what kind it is in [data.columns], or mend the values"))
        })
    }
}

impl fmt::Display for Schema {
    /// A line for each column: its name and the word for its kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or_default();
        self.columns.iter().try_for_each(|ColumnSchema { name, kind }| match kind {
            Kind::Tensor(shape) => writeln!(f, "{name:width$}  tensor {shape:?}"),
            kind => writeln!(f, "{name:width$}  {}", kind.word()),
        })
    }
}
