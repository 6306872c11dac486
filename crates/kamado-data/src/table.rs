//! From columns of a table to the numbers of a network, fitted on the training part.
//!
//! ```
//! use kamado_data::frame::{Column, Frame};
//! use kamado_data::table::{TableConfig, TableEncoder};
//!
//! let age = Column::of_numbers("age", [Some(20.0), None, Some(40.0)]);
//! let job = Column::of_categories("job", [Some("smith"), Some("baker"), Some("smith")]);
//! let train = Frame::new(vec![age, job])?;
//! let encoder = TableEncoder::fit(&train, &TableConfig::default(), None)?;
//! let table = encoder.encode(&train)?;
//! assert_eq!(table.names, ["age", "job = (other)", "job = baker", "job = smith"]);
//! assert_eq!(table.row(1), [0.0, 0.0, 1.0, 0.0]);
//! # Ok::<(), kamado_data::DataError>(())
//! ```

mod categories;
mod column;
mod config;
mod dates;
mod encoder;
mod label;
mod normal;
mod scale;
mod smote;
mod target;

pub use categories::{Encode, Vocabulary};
pub use config::{ColumnConfig, TableConfig};
pub use dates::DatePart;
pub use encoder::{TableEncoder, TrainingTable};
pub use label::LabelEncoder;
pub use scale::{Scale, Scaler};
pub use smote::{Smote, TableNoise};

/// The rows of a table as numbers of a network, one row after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The number of rows.
    pub rows: usize,
    /// The numbers of one row.
    pub width: usize,
    /// What each number of a row is, for people: `age`, `job = smith`.
    pub names: Vec<String>,
    /// For each number of a row whether it is a quantity, on which noise and interpolation have a meaning.
    pub continuous: Vec<bool>,
    /// `rows x width` numbers.
    pub data: Vec<f32>,
    /// The columns that are encoded as embedding indices.
    pub index_names: Vec<String>,
    /// For each of them the number of different indices.
    pub cardinalities: Vec<usize>,
    /// `rows x index_names.len()` indices.
    pub indices: Vec<i32>,
}

impl Table {
    /// The numbers of one row; empty if it does not exist.
    pub fn row(&self, row: usize) -> &[f32] {
        row_of(&self.data, self.width, row)
    }

    /// The embedding indices of one row; empty if it does not exist.
    pub fn index_row(&self, row: usize) -> &[i32] {
        row_of(&self.indices, self.index_names.len(), row)
    }
}

fn row_of<T>(data: &[T], width: usize, row: usize) -> &[T] {
    let start = row.checked_mul(width);
    start.and_then(|start| data.get(start..start.checked_add(width)?)).unwrap_or(&[])
}
