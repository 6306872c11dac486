//! Missing values from the training rows that are nearest.

use serde::{Deserialize, Serialize};

use super::missing::Value;
use crate::error::Result;
use crate::frame::{Column, Frame, Kind};
use crate::stats::{mean_and_deviation, mode};
use crate::{streams, threads};

/// The most training rows that are kept.
const DONORS: usize = 2000;

/// Training rows, and how far a row is from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Neighbours {
    measures: Vec<Measure>,
    donors: Vec<Donors>,
}

/// One column of the distance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Measure {
    column: String,
    center: f64,
    scale: f64,
    /// The scaled values of the donors.
    values: Vec<Option<f64>>,
}

/// The values that one column can take from the donors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Donors {
    column: String,
    values: Vec<Option<Value>>,
}

impl Neighbours {
    /// Keeps rows of `train` as donors for the columns `wanted`.
    pub(super) fn fit(train: &Frame, wanted: &[&str], columns: &[Column], seed: u64) -> Result<Self> {
        let mut rows: Vec<usize> = (0..train.rows()).collect();
        if rows.len() > DONORS {
            streams::table(seed, 0).shuffle(&mut rows);
            rows.truncate(DONORS);
            rows.sort_unstable();
        }
        let measure = |column: &Column| {
            let values = numbers(column)?;
            let known: Vec<f64> = values.iter().flatten().copied().collect();
            let (center, scale) = mean_and_deviation(&known);
            let usable = scale > 0.0 && scale.is_finite();
            let values = rows.iter().map(|&row| values[row].map(|x| (x - center) / scale)).collect();
            Ok(usable.then(|| Measure { column: column.name().to_owned(), center, scale, values }))
        };
        let measured = columns.iter().filter(|column| *column.kind() != Kind::Category);
        let measures = measured.filter_map(|column| measure(column).transpose()).collect::<Result<_>>()?;
        let donors = columns.iter().filter(|column| wanted.contains(&column.name())).map(|column| {
            let values = values(column)?;
            let values = rows.iter().map(|&row| values[row].clone()).collect();
            Ok(Donors { column: column.name().to_owned(), values })
        });
        Ok(Neighbours { measures, donors: donors.collect::<Result<_>>()? })
    }

    /// Values for these rows of column `name`; None where no donor can be compared with the row.
    pub(super) fn fill(
        &self,
        name: &str,
        count: usize,
        columns: &[Column],
        rows: &[usize],
    ) -> Result<Vec<Option<Value>>> {
        let Some(donors) = self.donors.iter().find(|donors| donors.column == name) else { return Ok(Vec::new()) };
        let mut inputs = Vec::with_capacity(self.measures.len());
        for measure in &self.measures {
            let column = columns.iter().find(|column| column.name() == measure.column);
            inputs.push(column.map_or_else(|| Ok(Vec::new()), numbers)?);
        }
        let scaled = |row: usize| -> Vec<Option<f64>> {
            let value = |input: &Vec<Option<f64>>| input.get(row).copied().flatten();
            let measured = inputs.iter().zip(&self.measures);
            measured.map(|(input, measure)| Some((value(input)? - measure.center) / measure.scale)).collect()
        };
        let one = |row: usize| {
            let point = scaled(row);
            let known = donors.values.iter().enumerate().filter_map(|(i, value)| Some((i, value.as_ref()?)));
            let mut near: Vec<(f64, &Value)> =
                known.filter_map(|(i, value)| Some((self.distance(&point, i)?, value))).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            near.truncate(count);
            middle(&near)
        };
        Ok(threads::map(rows.to_vec(), one))
    }

    /// The squared distance of a point from a donor, as scikit-learn's `nan_euclidean_distances`: over the columns that
    /// both know, in proportion to their number.
    fn distance(&self, point: &[Option<f64>], donor: usize) -> Option<f64> {
        let (mut sum, mut both) = (0.0, 0usize);
        for (x, measure) in point.iter().zip(&self.measures) {
            if let (Some(x), Some(y)) = (x, measure.values.get(donor).copied().flatten()) {
                sum += (x - y) * (x - y);
                both += 1;
            }
        }
        (both > 0).then(|| sum * self.measures.len() as f64 / both as f64)
    }
}

/// The mean of numbers, or the most frequent name.
fn middle(near: &[(f64, &Value)]) -> Option<Value> {
    let numbers: Vec<f64> =
        near.iter().filter_map(|(_, value)| if let Value::Number(x) = value { Some(*x) } else { None }).collect();
    if !numbers.is_empty() {
        return Some(Value::Number(numbers.iter().sum::<f64>() / numbers.len() as f64));
    }
    let mut names: Vec<&str> =
        near.iter().filter_map(|(_, value)| if let Value::Text(x) = value { Some(x.as_str()) } else { None }).collect();
    names.sort_unstable();
    mode(&names).map(|name| Value::Text(name.to_owned()))
}

/// The values of a column of numbers or dates.
pub(super) fn numbers(column: &Column) -> Result<Vec<Option<f64>>> {
    Ok(match column.kind() {
        Kind::Date => column.dates()?.iter().map(|x| x.map(|x| x as f64)).collect(),
        _ => column.numbers()?.iter().collect(),
    })
}

fn values(column: &Column) -> Result<Vec<Option<Value>>> {
    Ok(match column.kind() {
        Kind::Category => column.texts()?.iter().map(|x| x.map(|x| Value::Text(x.to_owned()))).collect(),
        _ => numbers(column)?.into_iter().map(|x| x.map(Value::Number)).collect(),
    })
}
