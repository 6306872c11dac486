//! All cleaning of a table, fitted on its training rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, Float64Array, LargeStringArray, TimestampMillisecondArray};
use serde::{Deserialize, Serialize};

use super::missing::{Fill, Missing, Value};
use super::neighbours::{Neighbours, numbers};
use super::{BadRow, OutlierAction, coerced, duplicates};
use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};
use crate::table::{ColumnConfig, TableConfig};
use crate::threads;

/// All cleaning of the numbers, categories and dates of a table. Other columns pass unchanged.
///
/// In this order: outliers are sought among the known values and dropped, clipped or flagged; then missing values are
/// filled, with statistics of what the first step left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleaner {
    columns: Vec<ColumnCleaner>,
    neighbours: Option<Neighbours>,
    drop_duplicates: bool,
    label: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnCleaner {
    name: String,
    kind: Kind,
    fill: Fill,
    indicator: bool,
    bounds: Option<Bounds>,
}

/// What is not an outlier, and what happens to one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    low: f64,
    high: f64,
    action: OutlierAction,
}

/// Rows to train on.
#[derive(Clone, Debug)]
pub struct Cleaned {
    /// The clean rows.
    pub frame: Frame,
    /// Which rows of the table before they are, ascending.
    pub rows: Vec<usize>,
    /// The other rows, with reasons.
    pub quarantine: Vec<BadRow>,
}

impl Cleaner {
    /// Fits the cleaning that `config` asks for to the training rows. `label` names a column that is not cleaned: a row
    /// without a label is put aside.
    ///
    /// # Errors
    /// If `config` names a column that is not there, a setting does not fit its column, or a column has no value.
    pub fn fit(train: &Frame, config: &TableConfig, label: Option<&str>) -> Result<Self> {
        config.columns.keys().try_for_each(|name| train.column(name).map(|_| ()))?;
        let mut tasks = Vec::new();
        for column in train.columns().iter().filter(|column| Some(column.name()) != label) {
            let kind = config.columns.get(column.name()).and_then(|config| config.kind.as_ref());
            let kind = kind.unwrap_or(column.kind());
            if config.takes(column.name(), kind) {
                tasks.push((coerced(train, column.name(), kind)?, config.column(column.name(), kind)?));
            }
        }
        let fitted = threads::map(tasks.iter().collect(), |(column, config)| {
            ColumnCleaner::fit(column, config).map_err(|error| {
                DataError::request(format!("column {:?}: {error}", column.name()), "See [data.columns]")
            })
        });
        let columns = fitted.into_iter().collect::<Result<Vec<_>>>()?;
        let wanted: Vec<&str> = columns.iter().filter(|c| c.is_nearest()).map(|c| c.name.as_str()).collect();
        let inputs: Vec<Column> = tasks.into_iter().map(|(column, _)| column).collect();
        let neighbours = match wanted.is_empty() {
            true => None,
            false => Some(Neighbours::fit(train, &wanted, &inputs, config.seed)?),
        };
        let label = label.map(str::to_owned);
        let cleaner = Cleaner { columns, neighbours, drop_duplicates: config.drop_duplicates, label };
        let taken = cleaner.added().map(|(name, _)| name).find(|name| train.column(name).is_ok());
        match taken {
            Some(name) => Err(DataError::request(
                format!("the table has a column {name:?} already, which cleaning would add"),
                "Rename the column",
            )),
            None => Ok(cleaner),
        }
    }

    /// Fills and clips every row, and adds the columns of indicators and flags. Columns that were there in training must
    /// be here; others pass.
    ///
    /// # Errors
    /// If a column lacks or cannot be understood, or a value is missing where training dropped such rows.
    pub fn complete(&self, frame: &Frame) -> Result<Frame> {
        let columns = self.coerced(frame)?;
        let done = threads::map(self.columns.iter().zip(&columns).collect(), |(cleaner, column)| {
            let clipped = cleaner.clipped(column)?;
            if clipped.missing() == 0 {
                return Ok(clipped);
            }
            match (&cleaner.fill, &self.neighbours) {
                (Fill::Nearest { count, otherwise }, Some(neighbours)) => {
                    let rows: Vec<usize> = (0..clipped.len()).filter(|&row| clipped.values().is_null(row)).collect();
                    let found = neighbours.fill(&cleaner.name, *count, &columns, &rows)?;
                    let mut found = found.into_iter();
                    filled(&clipped, &mut |_| found.next().flatten().unwrap_or_else(|| otherwise.clone()))
                }
                _ => cleaner.filled(&clipped, frame),
            }
        });
        let flags = self.columns.iter().zip(&columns).flat_map(|(cleaner, column)| cleaner.flags(column));
        let flags: Vec<Column> = flags.collect();
        let done = done.into_iter().collect::<Result<Vec<Column>>>()?;
        done.into_iter().chain(flags).try_fold(frame.clone(), Frame::with_column)
    }

    /// Puts aside rows that training should not see, and completes the others.
    ///
    /// # Errors
    /// As [`complete`](Cleaner::complete), or if no row is left.
    pub fn clean(&self, frame: &Frame) -> Result<Cleaned> {
        let reasons = self.reasons(frame)?;
        if reasons.is_empty() {
            return Ok(Cleaned {
                frame: self.complete(frame)?,
                rows: (0..frame.rows()).collect(),
                quarantine: Vec::new(),
            });
        }
        let rows: Vec<usize> = (0..frame.rows()).filter(|row| !reasons.contains_key(row)).collect();
        if rows.is_empty() {
            let reason = reasons.first_key_value().map_or("", |(_, reason)| reason);
            let problem = format!("cleaning leaves none of {} rows: {reason}, and so on", frame.rows());
            return Err(DataError::request(problem, "Fill missing values and clip outliers instead of dropping rows"));
        }
        let quarantine = reasons.into_iter().map(|(row, reason)| bad_row(frame, row, reason)).collect();
        Ok(Cleaned { frame: self.complete(&frame.take(&rows)?)?, rows, quarantine })
    }

    /// The columns that cleaning adds, with the column each tells about.
    pub(crate) fn added(&self) -> impl Iterator<Item = (String, &str)> {
        self.columns.iter().flat_map(|column| {
            let indicator = column.indicator.then(|| (column.indicator_name(), column.name.as_str()));
            let flag = column.is_flagged().then(|| (column.flag_name(), column.name.as_str()));
            indicator.into_iter().chain(flag)
        })
    }

    /// The columns it cleans, with their kinds.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, &Kind)> {
        self.columns.iter().map(|column| (column.name.as_str(), &column.kind))
    }

    fn coerced(&self, frame: &Frame) -> Result<Vec<Column>> {
        self.columns.iter().map(|column| coerced(frame, &column.name, &column.kind)).collect()
    }

    /// The rows that training should not see, with the first reason of each.
    fn reasons(&self, frame: &Frame) -> Result<BTreeMap<usize, String>> {
        let mut reasons = BTreeMap::new();
        let mut add = |row: usize, reason: String| {
            reasons.entry(row).or_insert(reason);
        };
        if let Some(label) = &self.label {
            let column = frame.column(label)?;
            missing_rows(column).for_each(|row| add(row, format!("the label {label:?} is missing")));
        }
        let columns = self.coerced(frame)?;
        for (cleaner, column) in self.columns.iter().zip(&columns) {
            let name = &cleaner.name;
            if cleaner.fill == Fill::Drop {
                missing_rows(column).for_each(|row| add(row, format!("{name:?} is missing")));
            }
            if let Some(bounds) = cleaner.bounds.filter(|bounds| bounds.action == OutlierAction::Drop) {
                let (low, high) = (bounds.low, bounds.high);
                let outside = column.numbers()?.iter().enumerate().filter_map(|(row, x)| Some((row, x?)));
                outside.filter(|&(_, x)| x < low || x > high).for_each(|(row, x)| {
                    add(row, format!("{name:?} is {x}, an outlier: outside {low} to {high}"));
                });
            }
        }
        if self.drop_duplicates {
            for (row, first) in duplicates(frame) {
                add(row, format!("equal to {}", frame.place(first)));
            }
        }
        Ok(reasons)
    }
}

impl ColumnCleaner {
    fn fit(column: &Column, config: &ColumnConfig) -> Result<Self> {
        let default = Missing::default_of(column.kind());
        let missing = config.missing.as_ref().unwrap_or(&default);
        let (name, kind) = (column.name().to_owned(), column.kind().clone());
        let indicator = config.indicator.unwrap_or(false);
        if kind == Kind::Category {
            let known: Vec<&str> = column.texts()?.iter().flatten().collect();
            return Ok(ColumnCleaner { name, kind, fill: missing.fit_names(&known)?, indicator, bounds: None });
        }
        let mut known: Vec<f64> = numbers(column)?.into_iter().flatten().collect();
        let mut bounds = None;
        if let Some(outliers) = config.outliers.filter(|_| !known.is_empty()) {
            let (low, high) = outliers.bounds(&known)?;
            match outliers.action {
                OutlierAction::Drop => known.retain(|&x| x >= low && x <= high),
                OutlierAction::Clip => known.iter_mut().for_each(|x| *x = x.clamp(low, high)),
                OutlierAction::Flag => {}
            }
            bounds = Some(Bounds { low, high, action: outliers.action });
        }
        Ok(ColumnCleaner { name, kind, fill: missing.fit_numbers(&known)?, indicator, bounds })
    }

    fn is_nearest(&self) -> bool {
        matches!(self.fill, Fill::Nearest { .. })
    }

    fn is_flagged(&self) -> bool {
        self.bounds.is_some_and(|bounds| bounds.action == OutlierAction::Flag)
    }

    fn indicator_name(&self) -> String {
        format!("{} missing", self.name)
    }

    fn flag_name(&self) -> String {
        format!("{} outlier", self.name)
    }

    fn clipped(&self, column: &Column) -> Result<Column> {
        let Some(bounds) = self.bounds.filter(|bounds| bounds.action == OutlierAction::Clip) else {
            return Ok(column.clone());
        };
        let values: Float64Array = column.numbers()?.unary(|x: f64| x.max(bounds.low).min(bounds.high));
        Column::new(&self.name, Kind::Number, Arc::new(values))
    }

    /// Fills what needs no neighbours; `frame` tells the places of rows.
    fn filled(&self, column: &Column, frame: &Frame) -> Result<Column> {
        match &self.fill {
            Fill::Drop => {
                let row = missing_rows(column).next().unwrap_or(0);
                let place = format!("{}, column {:?}", frame.place(row), self.name);
                let remedy = "Give one, or train with missing = \"median\" or \"mode\" instead of \"drop\"";
                Err(DataError::malformed(place, "a value, as in training", "none", remedy))
            }
            Fill::Keep => Ok(column.clone()),
            Fill::With { value } | Fill::Nearest { otherwise: value, .. } => filled(column, &mut |_| value.clone()),
            Fill::Forward { first } => filled(column, &mut |last| last.unwrap_or_else(|| first.clone())),
        }
    }

    fn flags(&self, column: &Column) -> Vec<Column> {
        let values = column.values();
        let flag = |yes: bool| Some(f64::from(u8::from(yes)));
        let mut flags = Vec::new();
        if self.indicator {
            let missing = (0..column.len()).map(|row| flag(values.is_null(row)));
            flags.push(Column::of_numbers(self.indicator_name(), missing));
        }
        if let (true, Some(bounds), Ok(numbers)) = (self.is_flagged(), self.bounds, column.numbers()) {
            let outside = numbers.iter().map(|x| flag(x.is_some_and(|x| x < bounds.low || x > bounds.high)));
            flags.push(Column::of_numbers(self.flag_name(), outside));
        }
        flags
    }
}

fn missing_rows(column: &Column) -> impl Iterator<Item = usize> {
    let rows = if column.missing() == 0 { 0 } else { column.len() };
    (0..rows).filter(|&row| column.values().is_null(row))
}

/// The column with `fill(last known value)` in the place of each missing value, in order.
fn filled(column: &Column, fill: &mut dyn FnMut(Option<Value>) -> Value) -> Result<Column> {
    let mut number = |last: Option<f64>| match fill(last.map(Value::Number)) {
        Value::Number(x) => Some(x),
        Value::Text(_) => None,
    };
    match column.kind() {
        Kind::Category => {
            let texts = column.texts()?;
            let mut last: Option<&str> = None;
            let values = texts.iter().map(|text| {
                last = text.or(last);
                text.map(str::to_owned).or_else(|| match fill(last.map(|text| Value::Text(text.to_owned()))) {
                    Value::Text(name) => Some(name),
                    Value::Number(_) => None,
                })
            });
            let values: LargeStringArray = values.collect();
            Column::new(column.name(), Kind::Category, Arc::new(values))
        }
        Kind::Date => {
            let mut last = None;
            let values = column.dates()?.iter().map(|moment| {
                last = moment.or(last);
                moment.or_else(|| number(last.map(|moment| moment as f64)).map(|x| x as i64))
            });
            let values: TimestampMillisecondArray = values.collect();
            Column::new(column.name(), Kind::Date, Arc::new(values))
        }
        _ => {
            let mut last = None;
            Ok(Column::of_numbers(
                column.name(),
                column.numbers()?.iter().map(|x| {
                    last = x.or(last);
                    x.or_else(|| number(last))
                }),
            ))
        }
    }
}

/// A row that is put aside, with the beginning of its values.
fn bad_row(frame: &Frame, row: usize, reason: String) -> BadRow {
    let value = |column: &Column| {
        let shown = match column.kind() {
            _ if column.values().is_null(row) => String::new(),
            Kind::Number => column.numbers().map(|x| x.value(row).to_string()).unwrap_or_default(),
            Kind::Date => column.dates().map(|x| x.value(row).to_string()).unwrap_or_default(),
            Kind::Tensor(_) => "…".to_owned(),
            _ => column.texts().map(|x| x.value(row).chars().take(80).collect()).unwrap_or_default(),
        };
        format!("{}={shown}", column.name())
    };
    let text: Vec<String> = frame.columns().iter().take(20).map(value).collect();
    BadRow { place: frame.place(row), reason, text: text.join(", ") }
}
