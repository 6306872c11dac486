//! The part of `[data]` that is about raw files: tables, pictures, sounds.

use std::collections::BTreeMap;

use kamado_data::audio::SoundConfig;
use kamado_data::pipeline::{LabelType, PictureConfig};
use kamado_data::readers::{Format, Header};
use kamado_data::table::{ColumnConfig, Smote};
use kamado_data::text::TextConfig;
use serde::{Deserialize, Serialize};

/// How raw files are read and become the inputs of a model; keys of `[data]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RawConfig {
    /// The files, in the folder `path`; or `path` itself. Archives, folders and patterns such as `*.csv` are files too.
    #[serde(skip_serializing_if = "is_default")]
    pub files: Vec<String>,
    /// The files with the rows to test with, if they are given.
    #[serde(skip_serializing_if = "is_default")]
    pub test_files: Vec<String>,
    /// Their format, if the ending does not tell.
    #[serde(skip_serializing_if = "is_default")]
    pub format: Option<Format>,
    /// What separates the fields of a CSV file.
    #[serde(skip_serializing_if = "is_default")]
    pub delimiter: Option<char>,
    /// What fields are enclosed in; `""` for nothing.
    #[serde(skip_serializing_if = "is_default")]
    pub quote: Option<String>,
    /// Whether the first row holds names.
    #[serde(skip_serializing_if = "is_default")]
    pub header: Header,
    /// The names of the columns, if the files have none.
    #[serde(skip_serializing_if = "is_default")]
    pub names: Vec<String>,
    /// The encoding of texts.
    #[serde(skip_serializing_if = "is_default")]
    pub encoding: Option<String>,
    /// Lines that begin with this are passed over.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<char>,
    /// The decimal sign.
    #[serde(skip_serializing_if = "is_default")]
    pub decimal: Option<char>,
    /// What stands for a missing value.
    #[serde(skip_serializing_if = "is_default")]
    pub missing_values: Option<Vec<String>>,
    /// Columns from the names of files: `"{label}_{speaker}_{index}.wav"`.
    #[serde(skip_serializing_if = "is_default")]
    pub path_pattern: Option<String>,
    /// The column to predict; `label` for pictures and sounds unless said otherwise.
    #[serde(skip_serializing_if = "is_default")]
    pub label: Option<String>,
    /// What its values mean.
    #[serde(skip_serializing_if = "is_default")]
    pub label_type: Option<LabelType>,
    /// Other spellings of classes, each with the class it stands for.
    #[serde(skip_serializing_if = "is_default")]
    pub label_aliases: BTreeMap<String, String>,
    /// `[data.columns.NAME]`: what is said about single columns.
    #[serde(skip_serializing_if = "is_default")]
    pub columns: BTreeMap<String, ColumnConfig>,
    /// `[data.table]`: what holds for all columns of a kind.
    #[serde(skip_serializing_if = "is_default")]
    pub table: TableDefaults,
    /// `[data.text]`: how texts become tokens.
    #[serde(skip_serializing_if = "is_default")]
    pub text: TextConfig,
    /// `[data.picture]`: how pictures become numbers.
    #[serde(skip_serializing_if = "is_default")]
    pub picture: PictureConfig,
    /// `[data.sound]`: how sounds become numbers.
    #[serde(skip_serializing_if = "is_default")]
    pub sound: SoundConfig,
    /// `[data.split]`: what must come into one part.
    #[serde(skip_serializing_if = "is_default")]
    pub split: SplitConfig,
}

/// `[data.table]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableDefaults {
    /// What holds for all columns of numbers.
    #[serde(skip_serializing_if = "is_default")]
    pub number: ColumnConfig,
    /// What holds for all columns of categories.
    #[serde(skip_serializing_if = "is_default")]
    pub category: ColumnConfig,
    /// What holds for all columns of dates.
    #[serde(skip_serializing_if = "is_default")]
    pub date: ColumnConfig,
    /// Whether training rows that are exactly equal to an earlier one are put aside.
    pub drop_duplicates: bool,
    /// Whether training rows are made for rare classes.
    #[serde(skip_serializing_if = "is_default")]
    pub smote: Option<Smote>,
}

/// `[data.split]`: how rows are divided if not at random. At most one of group, time and part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitConfig {
    /// Rows with the same value of this column come into the same part; the column is no input unless it is listed.
    pub group: Option<String>,
    /// The latest rows by this column are the test set, those before them are for validation.
    pub time: Option<String>,
    /// This column says `train`, `val` or `test`.
    pub part: Option<String>,
    /// Rows are divided into this many equal parts, one of which is the test set.
    pub folds: Option<usize>,
    /// Which of them, from 0; the first unless said otherwise.
    pub fold: Option<usize>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl RawConfig {
    /// The first key that is given.
    pub(super) fn first_key(&self) -> Option<String> {
        let keys = serde_json::to_value(self).ok()?;
        keys.as_object()?.keys().next().cloned()
    }
}
