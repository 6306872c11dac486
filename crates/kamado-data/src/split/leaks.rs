//! What makes a measurement better than the model is.

use std::collections::{HashMap, HashSet};

use super::copies::told;
use super::groups::groups;
use crate::clean::{equal, row_hashes};
use crate::error::Result;
use crate::frame::{Column, Frame, Kind};
use crate::threads;

/// What is looked at beside the rows themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeakCheck<'a> {
    /// The column that is predicted.
    pub label: Option<&'a str>,
    /// The column whose values should not be in two parts: a patient, a speaker.
    pub group: Option<&'a str>,
    /// Pairs of rows whose pictures are nearly the same.
    pub near: &'a [(usize, usize)],
}

/// Two rows that should be in the same part, each with its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// Part and row of the one.
    pub first: (usize, usize),
    /// Part and row of the other.
    pub second: (usize, usize),
}

/// A way by which the answer reaches the model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Leak {
    /// Rows of different parts with the same values, the label aside.
    SameRows(Vec<Meeting>),
    /// Groups in several parts, one meeting for each further part.
    SameGroups {
        /// The column of the groups.
        column: String,
        /// Where they meet.
        meetings: Vec<Meeting>,
    },
    /// Rows of different parts with nearly the same picture.
    NearImages(Vec<Meeting>),
    /// A column that alone tells the label.
    TargetCopy {
        /// The column.
        column: String,
        /// The share of rows it tells (classes), or the share of the variance (numbers).
        share: f64,
    },
    /// A column that names rows: what is learnt from it holds for no other row.
    Identifier {
        /// The column.
        column: String,
    },
}

impl Leak {
    /// The leak in words. `parts` are the names of the parts.
    pub fn describe(&self, frame: &Frame, parts: &[&str]) -> String {
        let list = |meetings: &[Meeting]| {
            let place = |(part, row): (usize, usize)| {
                format!("{} ({})", frame.place(row), parts.get(part).copied().unwrap_or("another part"))
            };
            let shown = meetings.iter().take(3).map(|m| format!("{} and {}", place(m.first), place(m.second)));
            let more = if meetings.len() > 3 { "; …" } else { "" };
            format!("{}{more}", shown.collect::<Vec<_>>().join("; "))
        };
        match self {
            Leak::SameRows(rows) => {
                let remedy = "Drop duplicates, or split by group";
                format!("{} rows are the same in different parts: {}. {remedy}", rows.len(), list(rows))
            }
            Leak::SameGroups { column, meetings } => {
                let found = format!("groups of {column:?} are in several parts, {} times", meetings.len());
                format!("{found}: {}. Split by group", list(meetings))
            }
            Leak::NearImages(rows) => {
                let found = format!("{} pictures are nearly the same in different parts", rows.len());
                format!("{found}: {}. Keep one of each, or split by group", list(rows))
            }
            Leak::TargetCopy { column, share } => {
                let remedy = "Ignore it if it is not known before the label is";
                format!("column {column:?} alone tells the label ({:.1} %). {remedy}", share * 100.0)
            }
            Leak::Identifier { column } => {
                format!("column {column:?} has another value in nearly every row, as an identifier. Ignore it")
            }
        }
    }
}

/// Looks for leaks between `parts`, which are rows of `frame`, and for columns that give the answer away.
///
/// A column tells the label if, learnt from every second row, it is right on the others: for classes at least 99 %, with
/// at most a tenth of the errors of always saying the most frequent one; for numbers at least 99.9 % of the variance.
/// An identifier is a category or text that differs in 95 % of at least 20 rows, or whole numbers that all differ and
/// either only rise or leave none out.
///
/// # Errors
/// If the label or the group is not a column.
pub fn leaks(frame: &Frame, parts: &[Vec<usize>], check: &LeakCheck<'_>) -> Result<Vec<Leak>> {
    let mut part_of = vec![None; frame.rows()];
    for (part, rows) in parts.iter().enumerate() {
        rows.iter().filter(|&&row| row < frame.rows()).for_each(|&row| part_of[row] = Some(part));
    }
    let mut found = Vec::new();
    let same = same_rows(frame, &part_of, check.label)?;
    found.extend((!same.is_empty()).then_some(Leak::SameRows(same)));
    if let Some(column) = check.group {
        let meetings = same_groups(&groups(frame, column)?, &part_of);
        found.extend((!meetings.is_empty()).then(|| Leak::SameGroups { column: column.to_owned(), meetings }));
    }
    let part = |row: usize| part_of.get(row).copied().flatten().map(|part| (part, row));
    let near = check.near.iter().filter_map(|&(a, b)| Some(Meeting { first: part(a)?, second: part(b)? }));
    let near: Vec<Meeting> = near.filter(|meeting| meeting.first.0 != meeting.second.0).collect();
    found.extend((!near.is_empty()).then_some(Leak::NearImages(near)));
    found.extend(telling_columns(frame, check)?);
    Ok(found)
}

fn same_rows(frame: &Frame, part_of: &[Option<usize>], label: Option<&str>) -> Result<Vec<Meeting>> {
    let inputs = match label {
        Some(label) if frame.columns().len() > 1 => frame.clone().without(label)?,
        _ => frame.clone(),
    };
    let mut firsts: HashMap<u64, (usize, usize)> = HashMap::new();
    let mut met = Vec::new();
    for (row, hash) in row_hashes(&inputs).into_iter().enumerate() {
        let Some(part) = part_of[row] else { continue };
        let first = *firsts.entry(hash).or_insert((part, row));
        if first.0 != part && equal(&inputs, first.1, row) {
            met.push(Meeting { first, second: (part, row) });
        }
    }
    Ok(met)
}

fn same_groups(groups: &[usize], part_of: &[Option<usize>]) -> Vec<Meeting> {
    let mut firsts: HashMap<usize, (usize, usize)> = HashMap::new();
    let mut seen = HashSet::new();
    let mut met = Vec::new();
    for (row, &group) in groups.iter().enumerate() {
        let Some(part) = part_of[row] else { continue };
        let first = *firsts.entry(group).or_insert((part, row));
        if seen.insert((group, part)) && first.0 != part {
            met.push(Meeting { first, second: (part, row) });
        }
    }
    met
}

fn telling_columns(frame: &Frame, check: &LeakCheck<'_>) -> Result<Vec<Leak>> {
    let label = check.label.map(|name| frame.column(name)).transpose()?;
    let inputs = frame.columns().iter().filter(|column| Some(column.name()) != check.label);
    let inputs = inputs.filter(|column| !matches!(column.kind(), Kind::Tensor(_) | Kind::Image | Kind::Audio));
    let found = threads::map(inputs.collect(), |column| {
        let name = || column.name().to_owned();
        let share = match label {
            Some(label) => told(column, label)?,
            None => None,
        };
        Ok(match share {
            Some(share) => Some(Leak::TargetCopy { column: name(), share }),
            None => is_identifier(column)?.then(|| Leak::Identifier { column: name() }),
        })
    });
    found.into_iter().filter_map(Result::transpose).collect()
}

fn is_identifier(column: &Column) -> Result<bool> {
    let rows = column.len();
    if rows < 20 || *column.kind() == Kind::Date || column.missing() * 20 > rows {
        return Ok(false);
    }
    if *column.kind() != Kind::Number {
        let distinct: HashSet<&str> = column.texts()?.iter().flatten().collect();
        // A text of several words is to be read, not a name.
        let words = distinct.iter().filter(|text| text.trim().contains(' ')).count();
        return Ok(distinct.len() * 100 >= rows * 95 && words * 2 < distinct.len());
    }
    let values: Vec<f64> = column.numbers()?.iter().flatten().collect();
    let rises = values.windows(2).all(|pair| pair[0] < pair[1]);
    let distinct: HashSet<u64> = values.iter().map(|x| x.to_bits()).collect();
    let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(least, most), &x| (least.min(x), most.max(x)));
    let dense = most - least + 1.0 == values.len() as f64;
    Ok(values.iter().all(|x| x.fract() == 0.0) && distinct.len() == values.len() && (rises || dense))
}
