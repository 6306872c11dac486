//! A whole table to numbers.

use serde::{Deserialize, Serialize};

use super::column::{ColumnEncoder, Writer};
use super::config::TableConfig;
use super::label::LabelEncoder;
use super::{Table, target};
use crate::clean::{BadRow, Cleaner};
use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};
use crate::threads;

/// Rows that are encoded at once: few enough to stay in cache.
const BLOCK: usize = 1024;

/// How the numbers, categories and dates of a table are cleaned and become numbers of a network, with all that was
/// learnt from the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEncoder {
    cleaner: Cleaner,
    columns: Vec<Encoded>,
    seed: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    name: String,
    encoder: ColumnEncoder,
}

/// Rows to train on, as numbers.
#[derive(Clone, Debug)]
pub struct TrainingTable {
    /// The numbers of the rows that are left.
    pub table: Table,
    /// Which rows of the frame they are, ascending.
    pub rows: Vec<usize>,
    /// The other rows, with reasons.
    pub quarantine: Vec<BadRow>,
}

impl TableEncoder {
    /// Fits cleaning and encoding to the training rows. The label is left out of the numbers; only target encoding
    /// looks at it.
    ///
    /// # Errors
    /// As [`Cleaner::fit`] and [`Cleaner::clean`], or if there is no column to encode or an encoding cannot be fitted.
    pub fn fit(train: &Frame, config: &TableConfig, label: Option<(&str, &LabelEncoder)>) -> Result<Self> {
        let cleaner = Cleaner::fit(train, config, label.map(|(name, _)| name))?;
        let clean = cleaner.clean(train)?.frame;
        let mut tasks = Vec::new();
        for (name, kind) in cleaner.columns() {
            tasks.push((clean.column(name)?, config.column(name, kind)?));
        }
        if tasks.is_empty() {
            return Err(DataError::request(
                "the table has no column of numbers, categories or dates beside the label",
                "Ignore fewer columns, or say what kind a column is in [data.columns]",
            ));
        }
        let wanted = tasks.iter().any(|(_, config)| config.encode == Some(super::Encode::Target));
        let targets = match label.filter(|_| wanted) {
            Some((name, label)) => Some(label.targets(&clean, name)?),
            None => None,
        };
        let fitted = threads::map(tasks, |(column, config)| {
            let name = column.name().to_owned();
            match ColumnEncoder::fit(column, &config, targets.as_deref()) {
                Ok(encoder) => Ok(Encoded { name, encoder }),
                Err(error) => Err(DataError::request(format!("column {name:?}: {error}"), "See [data.columns]")),
            }
        });
        let mut columns = fitted.into_iter().collect::<Result<Vec<_>>>()?;
        let flags = cleaner.added().map(|(name, _)| Encoded { name, encoder: ColumnEncoder::flag() });
        columns.extend(flags);
        Ok(TableEncoder { cleaner, columns, seed: config.seed })
    }

    /// The columns it needs, with their kinds.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Kind)> {
        self.cleaner.columns()
    }

    /// The cleaning before the encoding.
    pub fn cleaner(&self) -> &Cleaner {
        &self.cleaner
    }

    /// The numbers of every row, for evaluation and prediction.
    ///
    /// # Errors
    /// As [`Cleaner::complete`], or if the table does not fit into memory.
    pub fn encode(&self, frame: &Frame) -> Result<Table> {
        self.write(&self.cleaner.complete(frame)?)
    }

    /// The numbers of the rows that cleaning leaves, for training: target encoding takes those of a row from other rows
    /// only, or the network would learn to trust it too much. `label` is that of [`fit`](TableEncoder::fit).
    ///
    /// # Errors
    /// As [`Cleaner::clean`] and [`encode`](TableEncoder::encode).
    pub fn encode_training(&self, train: &Frame, label: Option<(&str, &LabelEncoder)>) -> Result<TrainingTable> {
        let cleaned = self.cleaner.clean(train)?;
        let mut table = self.write(&cleaned.frame)?;
        let wanted = self.columns.iter().any(|column| matches!(column.encoder, ColumnEncoder::Target { .. }));
        if let Some((name, label)) = label.filter(|_| wanted) {
            let targets = label.targets(&cleaned.frame, name)?;
            let folds = target::folds(cleaned.frame.rows(), self.seed);
            let columns = self.inputs(&cleaned.frame)?;
            for writer in self.writers(&columns) {
                writer.write_out_of_fold(&targets, &folds, table.width, &mut table.data)?;
            }
        }
        Ok(TrainingTable { table, rows: cleaned.rows, quarantine: cleaned.quarantine })
    }

    /// A table without rows: its width, names and cardinalities.
    pub fn layout(&self) -> Table {
        let mut table = Table::default();
        for Encoded { name, encoder } in &self.columns {
            let (names, continuous): (Vec<String>, Vec<bool>) = encoder.names(name).into_iter().unzip();
            table.names.extend(names);
            table.continuous.extend(continuous);
            if let Some(cardinality) = encoder.cardinality() {
                table.index_names.push(name.clone());
                table.cardinalities.push(cardinality);
            }
        }
        table.width = table.names.len();
        table
    }

    fn inputs(&self, clean: &Frame) -> Result<Vec<Column>> {
        self.columns.iter().map(|column| clean.column(&column.name).cloned()).collect()
    }

    fn writers<'a>(&'a self, columns: &'a [Column]) -> Vec<Writer<'a>> {
        let (mut number, mut index) = (0, 0);
        let place = |(encoded, column): (&'a Encoded, &'a Column)| {
            let next = if encoded.encoder.cardinality().is_some() { &mut index } else { &mut number };
            let writer = Writer::new(&encoded.encoder, column, *next);
            *next += encoded.encoder.names(&encoded.name).len().max(1);
            writer
        };
        self.columns.iter().zip(columns).map(place).collect()
    }

    fn write(&self, clean: &Frame) -> Result<Table> {
        let mut table = self.layout();
        let (rows, width, index_width) = (clean.rows(), table.width, table.index_names.len());
        let columns = self.inputs(clean)?;
        let writers = self.writers(&columns);
        table.rows = rows;
        table.data = zeros(rows, width)?;
        table.indices = zeros(rows, index_width)?;
        let mut blocks = Vec::with_capacity(rows.div_ceil(BLOCK));
        let (mut data, mut indices) = (&mut table.data[..], &mut table.indices[..]);
        for start in (0..rows).step_by(BLOCK) {
            let end = rows.min(start + BLOCK);
            let (numbers, data_rest) = data.split_at_mut((end - start) * width);
            let (codes, indices_rest) = indices.split_at_mut((end - start) * index_width);
            (data, indices) = (data_rest, indices_rest);
            blocks.push((start..end, numbers, codes));
        }
        let written = threads::map(blocks, |(rows, numbers, codes)| {
            writers.iter().try_for_each(|writer| match writer.is_index() {
                true => writer.write_indices(rows.clone(), index_width, codes),
                false => writer.write(rows.clone(), width, numbers),
            })
        });
        written.into_iter().collect::<Result<()>>()?;
        Ok(table)
    }
}

/// Room for `rows x width` values.
fn zeros<T: Clone + Default>(rows: usize, width: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let len = rows.checked_mul(width);
    let room = len.and_then(|len| values.try_reserve_exact(len).is_ok().then_some(len));
    let len = room.ok_or_else(|| {
        let problem = format!("{rows} rows of {width} numbers do not fit into memory");
        DataError::request(problem, "Encode fewer rows at once, or hash columns of many categories")
    })?;
    values.resize(len, T::default());
    Ok(values)
}
