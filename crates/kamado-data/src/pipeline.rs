//! From rows of raw data to the inputs of a model, the same in training and ever after.
//!
//! A [`Pipeline`] is fitted on the training rows and kept in the model file. It has an input for each group of columns:
//! `table` (the numbers that [`TableEncoder`] makes of numbers, categories and dates), `categories` (the embedding indices
//! that it makes of categories), and one for each column of texts, pictures, sounds or tensors, called `text`, `picture`,
//! `sound` and `tensor`, or after the column if there are several of its kind.

mod column;
mod config;
mod lazy;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clean::BadRow;
use crate::dataset::{Dataset, FeatureData, Features, Input, Labels};
use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};
use crate::media::Media;
use crate::readers::{Header, ReadOptions};
use crate::table::{LabelEncoder, Smote, Table, TableEncoder};

use column::ColumnInput;
pub use config::{LabelType, PictureConfig, PipelineConfig};

/// The name of the input that holds the numbers of a table.
const TABLE: &str = "table";
/// The name of the input that holds its embedding indices.
const CATEGORIES: &str = "categories";

/// From rows of raw data to the inputs of a model; see the [module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// How files were read; without the paths.
    read: ReadOptions,
    label: String,
    labels: LabelEncoder,
    table: Option<TableEncoder>,
    columns: Vec<ColumnInput>,
}

/// A pipeline and the training examples that it was fitted on.
#[derive(Debug)]
pub struct Fitted {
    /// To be kept in the model.
    pub pipeline: Pipeline,
    /// What is learnt from.
    pub train: Dataset,
    /// The rows that cannot be learnt from, with the reasons.
    pub quarantine: Vec<BadRow>,
}

/// An input of a model, as the data determine it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputShape {
    /// The name.
    pub name: String,
    /// The shape of one example.
    pub shape: Vec<usize>,
    /// Whether it holds integers rather than floats.
    pub is_integer: bool,
}

impl Pipeline {
    /// Fits all encodings to the training rows, which `read` has read; `media` opens their pictures and sounds.
    ///
    /// # Errors
    /// If there is no such label, no column is left as an input, or an encoding cannot be fitted.
    pub fn fit(
        name: &str,
        train: &Frame,
        config: &PipelineConfig,
        read: &ReadOptions,
        media: &Arc<Media>,
    ) -> Result<Fitted> {
        let label = config.label.as_str();
        let labels = fit_labels(train, config)?;
        let takes = |column: &&Column| {
            let ignored = config.table.columns.get(column.name()).is_some_and(|column| column.ignore);
            column.name() != label && !ignored
        };
        let (tabular, single): (Vec<&Column>, Vec<&Column>) =
            train.columns().iter().filter(takes).partition(|column| config.table.takes(column.name(), column.kind()));
        let mut bad = Vec::new();
        let mut columns = Vec::new();
        for column in &single {
            let name = input_name(column, &single);
            columns.push(ColumnInput::fit(name, column, config, train, media, &mut bad)?);
        }
        let table = match tabular.is_empty() {
            true => None,
            false => Some(TableEncoder::fit(train, &config.table, Some((label, &labels)))?),
        };
        if table.is_none() && columns.is_empty() {
            let problem = format!("{name} has no column beside the label {label:?} to learn from");
            return Err(DataError::request(problem, "Ignore fewer columns"));
        }
        // Rows of new files are few, and would often be taken for something else than they are.
        let read = ReadOptions { paths: Vec::new(), kinds: BTreeMap::new(), ..read.clone() };
        let pipeline = Pipeline { read, label: label.to_owned(), labels, table, columns };
        let smote = pipeline.smote(config)?;
        let (train, quarantine) = pipeline.training(name, train, media, bad, smote)?;
        Ok(Fitted { pipeline, train, quarantine })
    }

    /// How rows are made for rare classes, if they are wanted, with the seed.
    fn smote(&self, config: &PipelineConfig) -> Result<Option<(Smote, u64)>> {
        let Some(smote) = config.smote else { return Ok(None) };
        let refuse = |problem: String| Err(DataError::request(problem, "Leave out data.table.smote"));
        match (self.columns.first(), &self.labels) {
            (Some(column), _) => {
                refuse(format!("SMOTE makes rows of numbers and categories, not of column {:?}", column.column))
            }
            (_, LabelEncoder::Numbers { .. }) => {
                refuse(format!("SMOTE makes rows of rare classes, but the label {:?} holds numbers", self.label))
            }
            _ => Ok(Some((smote, config.table.seed))),
        }
    }

    /// The training rows as this pipeline, fitted before, encodes them.
    ///
    /// # Errors
    /// As [`dataset`](Pipeline::dataset), but that rows without a label are put aside.
    pub fn training_set(&self, name: &str, train: &Frame, media: &Arc<Media>) -> Result<Fitted> {
        let (train, quarantine) = self.training(name, train, media, Vec::new(), None)?;
        Ok(Fitted { pipeline: self.clone(), train, quarantine })
    }

    /// The training rows without those that cannot be learnt from.
    fn training(
        &self,
        name: &str,
        train: &Frame,
        media: &Arc<Media>,
        bad: Vec<(usize, BadRow)>,
        smote: Option<(Smote, u64)>,
    ) -> Result<(Dataset, Vec<BadRow>)> {
        let mut reasons: BTreeMap<usize, BadRow> = bad.into_iter().collect();
        let missing = train.column(&self.label)?;
        let unlabelled = (0..train.rows()).filter(|&row| missing.values().is_null(row));
        for row in unlabelled {
            let reason = format!("the label {:?} is missing", self.label);
            reasons.entry(row).or_insert_with(|| BadRow { place: train.place(row), reason, text: String::new() });
        }
        let kept: Vec<usize> = (0..train.rows()).filter(|row| !reasons.contains_key(row)).collect();
        let mut quarantine: Vec<BadRow> = reasons.into_values().collect();
        let mut frame = if quarantine.is_empty() { train.clone() } else { train.take(&kept)? };
        let (mut inputs, mut made) = (Vec::new(), Vec::new());
        if let Some(encoder) = &self.table {
            let training = encoder.encode_training(&frame, Some((&self.label, &self.labels)))?;
            quarantine.extend(training.quarantine);
            if training.rows.len() < frame.rows() {
                frame = frame.take(&training.rows)?;
            }
            let mut table = training.table;
            if let Some((smote, seed)) = smote {
                (table, made) = smote.apply(&table, &self.labels.classes(&frame, &self.label)?, seed)?;
                made.drain(..frame.rows());
            }
            inputs.extend(table_inputs(table));
        }
        Ok((self.labelled(name, &frame, inputs, media, &made)?, quarantine))
    }

    /// Rows to measure with.
    ///
    /// # Errors
    /// If a column lacks or cannot be understood, or a row has no label or one that training did not have.
    pub fn dataset(&self, name: &str, frame: &Frame, media: &Arc<Media>) -> Result<Dataset> {
        let inputs = self.table.as_ref().map(|encoder| encoder.encode(frame)).transpose()?;
        self.labelled(name, frame, inputs.map(table_inputs).unwrap_or_default(), media, &[])
    }

    /// Rows with their labels; `made` are the classes of the rows that follow those of `frame` in `inputs`.
    fn labelled(
        &self,
        name: &str,
        frame: &Frame,
        inputs: Vec<Input>,
        media: &Arc<Media>,
        made: &[i32],
    ) -> Result<Dataset> {
        let labels = match &self.labels {
            LabelEncoder::Classes { names, .. } => {
                let mut indices = self.labels.classes(frame, &self.label)?;
                indices.extend(made);
                Labels::Classes { indices, names: names.clone() }
            }
            LabelEncoder::Numbers { .. } => Labels::Values { width: 1, data: self.labels.numbers(frame, &self.label)? },
        };
        Dataset::of_inputs(name, self.with_columns(frame, inputs, media)?, labels)
    }

    /// Rows without labels, to predict; the labels of the result mean nothing.
    ///
    /// # Errors
    /// If a column lacks or cannot be understood.
    pub fn examples(&self, name: &str, frame: &Frame, media: &Arc<Media>) -> Result<Dataset> {
        let inputs = self.table.as_ref().map(|encoder| encoder.encode(frame)).transpose()?;
        let inputs = self.with_columns(frame, inputs.map(table_inputs).unwrap_or_default(), media)?;
        Dataset::of_inputs(name, inputs, Labels::Values { width: 1, data: vec![0.0; frame.rows()] })
    }

    fn with_columns(&self, frame: &Frame, mut inputs: Vec<Input>, media: &Arc<Media>) -> Result<Vec<Input>> {
        for column in &self.columns {
            inputs.push(column.input(frame, media)?);
        }
        Ok(inputs)
    }

    /// The inputs that it makes, in order.
    pub fn inputs(&self) -> Vec<InputShape> {
        let shape = |name: &str, shape, is_integer| InputShape { name: name.to_owned(), shape, is_integer };
        let layout = self.table.as_ref().map(TableEncoder::layout).unwrap_or_default();
        let table = (layout.width > 0).then(|| shape(TABLE, vec![layout.width], false));
        let indices = layout.index_names.len();
        let categories = (indices > 0).then(|| shape(CATEGORIES, vec![indices], true));
        let columns = self.columns.iter();
        let columns = columns.map(|column| shape(&column.name, column.shape(), column.kind() == Kind::Text));
        table.into_iter().chain(categories).chain(columns).collect()
    }

    /// The column that is predicted.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How its values are written.
    pub fn labels(&self) -> &LabelEncoder {
        &self.labels
    }

    /// How new files are to be read, so that their columns are what those of the training files were.
    pub fn read_options(&self, paths: Vec<String>) -> ReadOptions {
        let header = match (self.read.header, self.read.names.is_empty()) {
            (Header::Auto, true) => Header::Yes,
            (header, _) => header,
        };
        ReadOptions { paths, header, ..self.read.clone() }
    }

    /// The kinds of the columns that it needs, by name.
    pub fn kinds(&self) -> BTreeMap<String, Kind> {
        let table = self.table.iter().flat_map(TableEncoder::columns);
        let table = table.map(|(name, kind)| (name.to_owned(), kind.clone()));
        table.chain(self.columns.iter().map(|column| (column.column.clone(), column.kind()))).collect()
    }

    /// The only column, if it is all that the model takes and holds values of `kind`.
    pub fn only_column(&self, kind: &Kind) -> Option<&str> {
        match (&self.table, &self.columns[..]) {
            (None, [only]) if only.kind() == *kind => Some(&only.column),
            _ => None,
        }
    }

    /// The row that is a picture or a sound by itself, if that is all that the model takes.
    ///
    /// # Errors
    /// None that a location could cause.
    pub fn row_of(&self, location: &str) -> Result<Option<Frame>> {
        let kinds = [Kind::Image, Kind::Audio];
        let only = kinds.iter().find_map(|kind| Some((self.only_column(kind)?, kind)));
        let Some((column, kind)) = only.filter(|_| !is_table(location)) else { return Ok(None) };
        let locations = Column::of_texts(column, [Some(location)]);
        let column = Column::new(column, kind.clone(), Arc::clone(locations.values()))?;
        Ok(Some(Frame::new(vec![column])?.with_places(vec![location.to_owned()], vec![(0, 1)])?))
    }
}

/// Whether a file is a list of others rather than a picture or a sound itself.
fn is_table(location: &str) -> bool {
    const ENDINGS: [&str; 10] =
        [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".npy", ".npz"];
    let location = location.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| location.ends_with(ending))
}

fn fit_labels(train: &Frame, config: &PipelineConfig) -> Result<LabelEncoder> {
    let (label, column) = (config.label.as_str(), train.column(&config.label)?);
    let otherwise = if *column.kind() == Kind::Number { LabelType::Number } else { LabelType::Class };
    match config.label_type.unwrap_or(otherwise) {
        LabelType::Class => LabelEncoder::fit_classes(train, label, config.label_aliases.clone()),
        LabelType::Number => LabelEncoder::fit_numbers(train, label, false),
        LabelType::StandardNumber => LabelEncoder::fit_numbers(train, label, true),
    }
}

/// The name of the input of `column`, among all that are inputs of their own.
fn input_name(column: &Column, all: &[&Column]) -> String {
    let word = |column: &Column| match column.kind() {
        Kind::Text => "text",
        Kind::Image => "picture",
        Kind::Audio => "sound",
        _ => "tensor",
    };
    let alike = all.iter().filter(|other| word(other) == word(column)).count();
    let name = if alike == 1 { word(column) } else { column.name() };
    // Names of inputs are parts of paths, in which these have a meaning of their own.
    name.chars().map(|c| if c.is_whitespace() || c.is_control() || c == '.' { '_' } else { c }).collect()
}

/// The inputs that hold a table: numbers, and embedding indices if there are some.
fn table_inputs(table: Table) -> Vec<Input> {
    let input = |name: &str, width, data| Input {
        name: name.to_owned(),
        features: Features { shape: vec![width], data, max_value: 1.0 },
    };
    let indices = table.index_names.len();
    let numbers = (table.width > 0).then(|| input(TABLE, table.width, FeatureData::F32(table.data)));
    let tokens = FeatureData::Tokens { tokens: table.indices, stride: indices };
    let categories = (indices > 0).then(|| input(CATEGORIES, indices, tokens));
    numbers.into_iter().chain(categories).collect()
}
