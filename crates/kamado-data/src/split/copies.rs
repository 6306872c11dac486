//! Columns that alone tell the label.

use std::collections::HashMap;

use super::groups::keys;
use crate::error::Result;
use crate::frame::{Column, Kind};
use crate::stats::{mean_and_deviation, mode, sorted};

/// More different numbers than this are a quantity, not classes.
const CLASSES: usize = 50;

/// Fewer labelled rows than this tell nothing.
const LEAST_ROWS: usize = 20;

/// How much of the label the column tells, if it tells enough to be a copy: learnt from every second row, measured on the
/// others.
pub(super) fn told(column: &Column, label: &Column) -> Result<Option<f64>> {
    let (inputs, labels) = (values(column)?, values(label)?);
    let rows: Vec<(Option<f64>, f64)> = inputs.into_iter().zip(labels).filter_map(|(x, y)| Some((x, y?))).collect();
    let learnt: Vec<(Option<f64>, f64)> = rows.iter().copied().step_by(2).collect();
    let tested: Vec<(Option<f64>, f64)> = rows.iter().copied().skip(1).step_by(2).collect();
    let known = sorted(&learnt.iter().map(|&(_, y)| y).collect::<Vec<_>>());
    if rows.len() < LEAST_ROWS {
        return Ok(None);
    }
    let quantity = *label.kind() == Kind::Number && known.chunk_by(|a, b| a == b).count() > CLASSES;
    let ordered = matches!(column.kind(), Kind::Number | Kind::Date);
    let middle = |labels: &[f64]| match quantity {
        true => mean_and_deviation(labels).0,
        false => mode(&sorted(labels)).unwrap_or(0.0),
    };
    let usual = middle(&known);
    let curve = curve(&learnt, middle);
    let guess = |x: Option<f64>| x.and_then(|x| at(&curve, x, ordered, quantity)).unwrap_or(usual);
    let errors = |guess: &dyn Fn(Option<f64>) -> f64| -> f64 {
        let error = |&(x, y): &(Option<f64>, f64)| match quantity {
            true => (guess(x) - y).powi(2),
            false => f64::from(u8::from(guess(x) != y)),
        };
        tested.iter().map(error).sum()
    };
    let (wrong, without) = (errors(&guess), errors(&|_| usual));
    let share = if quantity { 1.0 - wrong / without } else { 1.0 - wrong / tested.len() as f64 };
    let copy = if quantity { share >= 0.999 } else { share >= 0.99 && wrong * 10.0 <= without };
    Ok((copy && without > 0.0).then_some(share))
}

/// Numbers as they are, and a number for each different name.
fn values(column: &Column) -> Result<Vec<Option<f64>>> {
    if *column.kind() == Kind::Number {
        return Ok(column.numbers()?.iter().collect());
    }
    if *column.kind() == Kind::Date {
        return Ok(column.dates()?.iter().map(|moment| moment.map(|moment| moment as f64)).collect());
    }
    let mut codes = HashMap::new();
    let mut code = |key| {
        let next = codes.len() as f64;
        *codes.entry(key).or_insert(next)
    };
    Ok(keys(column)?.into_iter().map(|key| key.map(&mut code)).collect())
}

/// The label at each value, ascending.
fn curve(rows: &[(Option<f64>, f64)], middle: impl Fn(&[f64]) -> f64) -> Vec<(f64, f64)> {
    let mut known: Vec<(f64, f64)> = rows.iter().filter_map(|&(x, y)| Some((x?, y))).collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let point = |run: &[(f64, f64)]| (run[0].0, middle(&run.iter().map(|&(_, y)| y).collect::<Vec<_>>()));
    known.chunk_by(|a, b| a.0 == b.0).map(point).collect()
}

/// The label at `x`: between its neighbours if values have an order.
fn at(curve: &[(f64, f64)], x: f64, ordered: bool, quantity: bool) -> Option<f64> {
    let next = curve.partition_point(|&(known, _)| known < x);
    let above = curve.get(next);
    if let Some(&(_, y)) = above.filter(|&&(known, _)| known == x) {
        return Some(y);
    }
    let below = next.checked_sub(1).and_then(|i| curve.get(i)).filter(|_| ordered);
    match (below, above.filter(|_| ordered)) {
        (Some(&(x0, y0)), Some(&(x1, y1))) => {
            let share = (x - x0) / (x1 - x0);
            Some(if quantity {
                y0 + (y1 - y0) * share
            } else if share < 0.5 {
                y0
            } else {
                y1
            })
        }
        (Some(&(_, y)), None) | (None, Some(&(_, y))) => Some(y),
        (None, None) => None,
    }
}
