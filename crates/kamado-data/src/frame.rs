//! A table in memory: named columns of one kind each, in the memory format of Arrow, and where each row came from.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Float64Array, LargeStringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow_schema::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};

/// What the values of a column mean, and with that how they lie in memory; every value may be missing (null).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A quantity: `Float64`.
    Number,
    /// One of a set of names: `LargeUtf8`.
    Category,
    /// A text to be read: `LargeUtf8`.
    Text,
    /// A moment: `Timestamp(Millisecond)` in UTC.
    Date,
    /// Where a picture is: `LargeUtf8`, a location that [`media`](crate::media) opens.
    Image,
    /// Where a sound is: `LargeUtf8`, a location that [`media`](crate::media) opens.
    Audio,
    /// Numbers in a shape of their own, the same for every row: `FixedSizeList` of `UInt8` or `Float32`, without nulls.
    Tensor(Vec<usize>),
}

impl Kind {
    /// The word for it in a recipe.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Category => "category",
            Kind::Text => "text",
            Kind::Date => "date",
            Kind::Image => "image",
            Kind::Audio => "audio",
            Kind::Tensor(_) => "tensor",
        }
    }

    fn holds(&self, values: &DataType) -> bool {
        match (self, values) {
            (Kind::Number, DataType::Float64) => true,
            (Kind::Category | Kind::Text | Kind::Image | Kind::Audio, DataType::LargeUtf8) => true,
            (Kind::Date, DataType::Timestamp(TimeUnit::Millisecond, _)) => true,
            (Kind::Tensor(shape), DataType::FixedSizeList(item, len)) => {
                let numbers = matches!(item.data_type(), DataType::UInt8 | DataType::Float32);
                numbers && usize::try_from(*len) == Ok(shape.iter().product())
            }
            _ => false,
        }
    }
}

/// A column of a [`Frame`].
#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    kind: Kind,
    values: ArrayRef,
}

impl Column {
    /// A column of these values.
    ///
    /// # Errors
    /// If the values do not lie in memory as [`Kind`] says.
    pub fn new(name: impl Into<String>, kind: Kind, values: ArrayRef) -> Result<Self> {
        let name = name.into();
        if !kind.holds(values.data_type()) {
            let found = format!("{}", values.data_type());
            let expected = format!("values of a {} column", kind.word());
            return Err(DataError::malformed(format!("column {name:?}"), expected, found, "Convert them first"));
        }
        Ok(Column { name, kind, values })
    }

    /// A column of numbers; None is missing.
    pub fn of_numbers(name: impl Into<String>, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        let values: Float64Array = values.into_iter().collect();
        Column { name: name.into(), kind: Kind::Number, values: Arc::new(values) }
    }

    /// A column of categories; None is missing.
    pub fn of_categories<'a>(name: impl Into<String>, values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let values: LargeStringArray = values.into_iter().collect();
        Column { name: name.into(), kind: Kind::Category, values: Arc::new(values) }
    }

    /// A column of texts; None is missing.
    pub fn of_texts<'a>(name: impl Into<String>, values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        Column { kind: Kind::Text, ..Column::of_categories(name, values) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the values mean.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The values.
    pub fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// How many values there are, missing ones included.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many values are missing.
    pub fn missing(&self) -> usize {
        self.values.null_count()
    }

    /// The values of a [`Kind::Number`] column.
    ///
    /// # Errors
    /// If the column is of another kind.
    pub fn numbers(&self) -> Result<&Float64Array> {
        self.downcast("numbers")
    }

    /// The values of a [`Kind::Category`] or [`Kind::Text`] column, or the locations of media.
    ///
    /// # Errors
    /// If the column is of another kind.
    pub fn texts(&self) -> Result<&LargeStringArray> {
        self.downcast("texts")
    }

    /// The values of a [`Kind::Date`] column: milliseconds since 1970 in UTC.
    ///
    /// # Errors
    /// If the column is of another kind.
    pub fn dates(&self) -> Result<&TimestampMillisecondArray> {
        self.downcast("dates")
    }

    /// The values of a [`Kind::Tensor`] column.
    ///
    /// # Errors
    /// If the column is of another kind.
    pub fn tensors(&self) -> Result<&FixedSizeListArray> {
        self.downcast("tensors")
    }

    fn downcast<T: 'static>(&self, wanted: &str) -> Result<&T> {
        self.values.as_any().downcast_ref().ok_or_else(|| {
            DataError::request(
                format!("column {:?} is a {} column, but {wanted} are wanted", self.name, self.kind.word()),
                "Say what kind it is in [data.columns], or choose another column",
            )
        })
    }
}

/// Where rows came from.
#[derive(Clone, Debug, Default)]
struct Places {
    files: Arc<[String]>,
    /// For each row its file and its number in it, counted from 1 as an editor counts lines or records.
    rows: Arc<[(u32, u64)]>,
}

/// A table in memory. Clones share the values.
#[derive(Clone, Debug)]
pub struct Frame {
    columns: Vec<Column>,
    rows: usize,
    places: Places,
}

impl Frame {
    /// A table of these columns.
    ///
    /// # Errors
    /// If there is no column, two have the same name, or they differ in length.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        let rows = columns.first().map_or(0, Column::len);
        let mut names = HashSet::new();
        let problem = match columns.iter().find(|column| column.len() != rows || !names.insert(column.name())) {
            _ if columns.is_empty() => "a table without columns".to_owned(),
            Some(column) if column.len() != rows => {
                let (name, first) = (column.name(), columns[0].name());
                format!("column {name:?} has {} rows, but {first:?} has {rows}", column.len())
            }
            Some(column) => format!("two columns are called {:?}", column.name()),
            None => return Ok(Frame { columns, rows, places: Places::default() }),
        };
        Err(DataError::request(problem, "Give every column a name of its own and the same number of rows"))
    }

    /// The same table; row `i` came from record `rows[i].1` (counted from 1) of file `files[rows[i].0]`.
    ///
    /// # Errors
    /// If there are not as many places as rows, or a file does not exist.
    pub fn with_places(self, files: Vec<String>, rows: Vec<(u32, u64)>) -> Result<Self> {
        let unknown = rows.iter().any(|&(file, _)| file as usize >= files.len());
        if rows.len() != self.rows || unknown {
            let problem = format!("{} places in {} files for {} rows", rows.len(), files.len(), self.rows);
            return Err(DataError::request(problem, "Give one place for each row"));
        }
        Ok(Frame { places: Places { files: files.into(), rows: rows.into() }, ..self })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    ///
    /// # Errors
    /// If there is none, with the name that was probably meant.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|column| column.name() == name).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(Column::name).collect();
            let near = names.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
            let near = near.filter(|near| strsim::jaro(near, name) > 0.8);
            let hint = near.map_or_else(String::new, |near| format!("Did you mean {near:?}? "));
            let shown: Vec<String> = names.iter().take(20).map(|name| format!("{name:?}")).collect();
            let more = if names.len() > shown.len() { ", …" } else { "" };
            let remedy = format!("{hint}The columns are {}{more}", shown.join(", "));
            DataError::request(format!("there is no column {name:?}"), remedy)
        })
    }

    /// Where row `row` came from, for people: `adult.csv, row 17`.
    pub fn place(&self, row: usize) -> String {
        match self.places.rows.get(row) {
            Some(&(file, record)) => format!("{}, row {record}", self.places.files[file as usize]),
            None => format!("row {}", row + 1),
        }
    }

    /// The given rows, in the given order; repeats are allowed.
    ///
    /// # Errors
    /// If a row does not exist.
    pub fn take(&self, rows: &[usize]) -> Result<Self> {
        if let Some(bad) = rows.iter().find(|&&row| row >= self.rows) {
            return Err(DataError::request(format!("there is no row {bad}"), format!("There are {}", self.rows)));
        }
        let indices: UInt64Array = rows.iter().map(|&row| row as u64).collect();
        let take = |column: &Column| {
            let values = arrow_select::take::take(&column.values, &indices, None).map_err(|error| {
                let problem = format!("cannot take {} rows of column {:?}: {error}", rows.len(), column.name);
                DataError::request(problem, "Take fewer rows")
            })?;
            Ok(Column { values, ..column.clone() })
        };
        let columns = self.columns.iter().map(take).collect::<Result<_>>()?;
        let places = match self.places.rows.is_empty() {
            true => Places::default(),
            false => Places {
                files: Arc::clone(&self.places.files),
                rows: rows.iter().map(|&row| self.places.rows[row]).collect(),
            },
        };
        Ok(Frame { columns, rows: rows.len(), places })
    }

    /// The same rows with `column` in place of the one of its name, or after all others.
    ///
    /// # Errors
    /// If it has another number of rows.
    pub fn with_column(mut self, column: Column) -> Result<Self> {
        match self.columns.iter_mut().find(|have| have.name == column.name) {
            Some(have) => *have = column,
            None => self.columns.push(column),
        }
        let Frame { columns, places, .. } = self;
        Ok(Frame { places, ..Frame::new(columns)? })
    }

    /// The same rows without the column of this name, if it is there.
    ///
    /// # Errors
    /// If no column would be left.
    pub fn without(mut self, name: &str) -> Result<Self> {
        self.columns.retain(|column| column.name != name);
        let Frame { columns, places, .. } = self;
        Ok(Frame { places, ..Frame::new(columns)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let age = Column::of_numbers("age", [Some(30.0), None, Some(50.0)]);
        let job = Column::of_categories("job", [Some("smith"), Some("baker"), None]);
        Frame::new(vec![age, job]).unwrap()
    }

    #[test]
    fn rows_keep_their_places() {
        let frame = frame().with_places(vec!["a.csv".into(), "b.csv".into()], vec![(0, 2), (0, 3), (1, 2)]).unwrap();
        let taken = frame.take(&[2, 0, 2]).unwrap();
        assert_eq!(taken.place(0), "b.csv, row 2");
        assert_eq!(taken.place(1), "a.csv, row 2");
        assert_eq!(taken.column("age").unwrap().numbers().unwrap().value(1), 30.0);
        assert_eq!(taken.column("job").unwrap().missing(), 2);
        assert!(frame.take(&[3]).is_err());
    }

    #[test]
    fn wrong_tables_and_names_are_told() {
        let short = Column::of_numbers("x", [Some(1.0)]);
        let error = frame().with_column(short).unwrap_err().to_string();
        assert!(error.contains("\"x\" has 1 rows"), "{error}");
        let twice = Frame::new(vec![Column::of_numbers("x", [None]), Column::of_numbers("x", [None])]);
        assert!(twice.unwrap_err().to_string().contains("two columns are called \"x\""));
        let error = frame().column("jobs").unwrap_err().to_string();
        assert!(error.contains("Did you mean \"job\"?"), "{error}");
        let error = frame().column("job").unwrap().numbers().unwrap_err().to_string();
        assert!(error.contains("is a category column"), "{error}");
    }
}
