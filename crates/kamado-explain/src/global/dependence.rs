//! Partial dependence: the mean answer with a column set to a value in every row, and the same row by row (ICE).
//!
//! Sources: Friedman, "Greedy function approximation", 2001; Goldstein et al., "Peeking inside the black box", 2015.

use std::collections::BTreeMap;

use kamado_data::{Column, Kind};
use serde::Serialize;

use super::{ROWS, Table};
use crate::error::Result;
use crate::stats::Moments;

/// The most values of a column.
const VALUES: usize = 15;
/// The rows whose own curves are kept.
const CURVES: usize = 20;

/// The answers with a column set to one value.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Point {
    /// The value.
    pub value: String,
    /// The mean answer.
    pub mean: f64,
    /// The standard deviation over rows.
    pub spread: f64,
}

/// How the answer moves with a column.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Dependence {
    /// The column.
    pub column: String,
    /// The mean answers, by rising value or falling frequency.
    pub points: Vec<Point>,
    /// The answers of single rows, for each of some rows a number for each point.
    pub rows: Vec<Vec<f64>>,
}

pub(super) fn of(table: &mut Table<'_>, columns: &[String]) -> Result<Vec<Dependence>> {
    let rows = table.some_rows(ROWS);
    let frame = table.frame.take(&rows)?;
    let mut all = Vec::new();
    for name in columns {
        let values = values(table, name)?;
        let mut dependence = Dependence { column: name.clone(), points: Vec::new(), rows: Vec::new() };
        for (value, column) in values {
            let set = frame.clone().with_column(column(rows.len()))?;
            let samples = table.reader.samples(&set)?;
            let target = table.target.clone();
            let answers = table.explainer.output.answers_of(&samples.iter().collect::<Vec<_>>())?;
            let answers: Vec<f64> = answers.iter().map(|answer| target.of(answer)).collect();
            let moments = Moments::of(&answers);
            dependence.points.push(Point { value, mean: moments.mean(), spread: moments.deviation() });
            dependence.rows.resize(CURVES.min(answers.len()), Vec::new());
            dependence.rows.iter_mut().zip(&answers).for_each(|(row, y)| row.push(*y));
        }
        all.push(dependence);
    }
    Ok(all)
}

type Setting = (String, Box<dyn Fn(usize) -> Column>);

/// Values of a column, each with the column that has it in every row.
fn values(table: &Table<'_>, name: &str) -> Result<Vec<Setting>> {
    let column = table.frame.column(name)?;
    let owned = name.to_owned();
    match column.kind() {
        Kind::Number => {
            let mut numbers: Vec<f64> = column.numbers()?.iter().flatten().filter(|x| x.is_finite()).collect();
            numbers.sort_by(f64::total_cmp);
            let last = numbers.len().saturating_sub(1);
            let quantile = |i: usize| numbers.get(i * last / (VALUES - 1)).copied();
            let mut chosen: Vec<f64> = (0..VALUES).filter_map(quantile).collect();
            chosen.dedup();
            let setting = |x: f64| -> Setting {
                let name = owned.clone();
                (format!("{x}"), Box::new(move |n| Column::of_numbers(name.clone(), vec![Some(x); n])))
            };
            Ok(chosen.into_iter().map(setting).collect())
        }
        Kind::Category => {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            column.texts()?.iter().flatten().for_each(|text| *counts.entry(text.to_owned()).or_default() += 1);
            let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
            counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let setting = |(text, _): (String, usize)| -> Setting {
                let (name, value) = (owned.clone(), text.clone());
                (text, Box::new(move |n| Column::of_categories(name.clone(), vec![Some(value.as_str()); n])))
            };
            Ok(counts.into_iter().take(VALUES).map(setting).collect())
        }
        _ => Ok(Vec::new()),
    }
}
