//! A table as a format delivers it, before it is known what the columns mean.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, LargeStringArray};

use crate::frame::Kind;

/// The values of a column.
#[derive(Clone, Debug)]
pub(super) enum Values {
    /// All of them numbers; never NaN.
    Numbers(Float64Array),
    /// Texts, in which anything may stand.
    Texts(LargeStringArray),
    /// The format itself says what they are.
    Typed(Kind, ArrayRef),
}

impl Values {
    pub(super) fn len(&self) -> usize {
        match self {
            Values::Numbers(values) => values.len(),
            Values::Texts(values) => values.len(),
            Values::Typed(_, values) => values.len(),
        }
    }

    /// Numbers as texts, others as they are.
    pub(super) fn into_texts(self) -> Self {
        match self {
            Values::Numbers(values) => {
                Values::Texts(values.iter().map(|value| value.map(|value| value.to_string())).collect())
            }
            other => other,
        }
    }

    /// A value for people.
    fn show(&self, row: usize) -> String {
        match self {
            Values::Numbers(values) if values.is_valid(row) => values.value(row).to_string(),
            Values::Texts(values) if values.is_valid(row) => values.value(row).to_owned(),
            Values::Typed(kind, _) => format!("({})", kind.word()),
            _ => String::new(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct RawColumn {
    pub(super) name: String,
    pub(super) values: Values,
}

#[derive(Clone, Debug)]
pub(super) struct RawTable {
    pub(super) columns: Vec<RawColumn>,
    pub(super) files: Vec<String>,
    /// For each row its file and its number in it.
    pub(super) places: Vec<(u32, u64)>,
}

impl RawTable {
    pub(super) fn rows(&self) -> usize {
        self.places.len()
    }

    pub(super) fn place(&self, row: usize) -> String {
        let (file, record) = self.places[row];
        format!("{}, row {record}", self.files[file as usize])
    }

    /// A row for people: what it held, cut to a length that can be read.
    pub(super) fn show(&self, row: usize) -> String {
        let mut text = String::new();
        for column in &self.columns {
            let separator = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{separator}{} = {}", column.name, column.values.show(row));
            if text.len() > SHOWN_BYTES {
                break;
            }
        }
        shorten(&text)
    }
}

/// How much of a bad row is kept.
const SHOWN_BYTES: usize = 1000;

/// The beginning of a text.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().find(|&(place, _)| place >= SHOWN_BYTES) {
        Some((place, _)) => format!("{}…", &text[..place]),
        None => text.to_owned(),
    }
}

/// Texts as an Arrow array behind a pointer, as frames hold them.
pub(super) fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Values {
    Values::Texts(values.into_iter().collect())
}

/// The array of some values.
pub(super) fn array(values: Values) -> ArrayRef {
    match values {
        Values::Numbers(values) => Arc::new(values),
        Values::Texts(values) => Arc::new(values),
        Values::Typed(_, values) => values,
    }
}
