//! Splits that keep together what belongs together, or cut at a moment.

use std::collections::HashMap;

use arrow_array::Array;

use super::{Part, part_sizes};
use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};
use crate::streams;

/// The group of each row by the values of column `name`; rows without a value are groups of their own.
///
/// # Errors
/// If there is no such column, or it holds tensors.
pub fn groups(frame: &Frame, name: &str) -> Result<Vec<usize>> {
    let column = frame.column(name)?;
    let mut known: HashMap<Key<'_>, usize> = HashMap::new();
    let mut next = 0;
    let mut groups = Vec::with_capacity(column.len());
    for key in keys(column)? {
        let group = key.map_or(next, |key| *known.entry(key).or_insert(next));
        next = next.max(group + 1);
        groups.push(group);
    }
    Ok(groups)
}

/// A value by which rows are grouped.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Bits(u64),
    Text(&'a str),
}

/// The values of a column, to be compared.
pub(super) fn keys(column: &Column) -> Result<Vec<Option<Key<'_>>>> {
    Ok(match column.kind() {
        // Adding 0 makes -0 equal to 0.
        Kind::Number => column.numbers()?.iter().map(|x| x.map(|x| Key::Bits((x + 0.0).to_bits()))).collect(),
        Kind::Date => column.dates()?.iter().map(|x| x.map(|x| Key::Bits(x as u64))).collect(),
        _ => column.texts()?.iter().map(|x| x.map(Key::Text)).collect(),
    })
}

/// Divides examples so that all of one group are in one part; each part is in ascending order.
///
/// `groups` is the group of each example. Groups are dealt in random order, large ones first, each to the part that
/// lacks most; so parts have about the sizes of [`random_split`](super::random_split). What no part claims is left out.
///
/// # Errors
/// As [`random_split`](super::random_split) does, or if there are not enough groups for every part.
pub fn grouped_split(groups: &[usize], parts: &[Part], seed: u64) -> Result<Vec<Vec<usize>>> {
    let mut sizes = part_sizes(groups.len(), parts)?;
    sizes.push(groups.len() - sizes.iter().sum::<usize>());
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    groups.iter().enumerate().for_each(|(example, &group)| members.entry(group).or_default().push(example));
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    members.sort_unstable();
    streams::split(seed, 0).shuffle(&mut members);
    members.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut result: Vec<Vec<usize>> = vec![Vec::new(); sizes.len()];
    for group in &members {
        let lack = |part: usize| sizes[part] as i64 - result[part].len() as i64;
        // Of equal lacks the first part's counts, and an empty part that was promised examples goes before.
        let empty = |part: usize| part < parts.len() && result[part].is_empty() && lack(part) > 0;
        let best = (0..sizes.len()).rev().max_by_key(|&part| (lack(part), empty(part)));
        result[best.unwrap_or(0)].extend(group);
    }
    result.truncate(parts.len());
    result.iter_mut().for_each(|part| part.sort_unstable());
    match result.iter().position(Vec::is_empty) {
        Some(empty) => Err(DataError::request(
            format!("part {} of {parts:?} would be empty: there are only {} groups", empty + 1, members.len()),
            "Group by another column, or ask for fewer parts",
        )),
        None => Ok(result),
    }
}

/// Divides examples by time: the first part has the earliest ones, so that what is measured lies in the future of what
/// is learnt. Examples of the same moment are in the same part; each part is in ascending order of examples.
///
/// # Errors
/// As [`random_split`](super::random_split) does, or if a moment is not a number, or too many are equal.
pub fn time_split(moments: &[f64], parts: &[Part]) -> Result<Vec<Vec<usize>>> {
    let sizes = part_sizes(moments.len(), parts)?;
    let order = by_time(moments)?;
    let mut result = Vec::with_capacity(parts.len());
    let (mut start, mut planned) = (0, 0);
    for size in sizes {
        planned += size;
        let mut end = planned.max(start);
        while end > 0 && end < order.len() && moments[order[end]] == moments[order[end - 1]] {
            end += 1;
        }
        let mut part = order[start..end].to_vec();
        part.sort_unstable();
        result.push(part);
        start = end;
    }
    match result.iter().position(Vec::is_empty) {
        Some(empty) => Err(DataError::request(
            format!("part {} of {parts:?} would be empty: too many examples are of the same moment", empty + 1),
            "Split by a finer time, or at random",
        )),
        None => Ok(result),
    }
}

/// The examples in order of time, those of the same moment in their own order.
pub(super) fn by_time(moments: &[f64]) -> Result<Vec<usize>> {
    if let Some(row) = moments.iter().position(|moment| moment.is_nan()) {
        return Err(DataError::request(format!("example {row} has no time"), "Leave it out, or give it one"));
    }
    let mut order: Vec<usize> = (0..moments.len()).collect();
    order.sort_by(|&a, &b| moments[a].total_cmp(&moments[b]));
    Ok(order)
}

/// The time of each row, from a column of dates or numbers.
///
/// # Errors
/// If the column is of another kind, or a row has no value; the text names it.
pub fn moments(frame: &Frame, name: &str) -> Result<Vec<f64>> {
    let column = frame.column(name)?;
    if let Some(row) = (0..column.len()).find(|&row| column.values().is_null(row)) {
        let place = format!("{}, column {name:?}", frame.place(row));
        return Err(DataError::malformed(place, "a time to split by", "none", "Give one, or leave the row out"));
    }
    Ok(match column.kind() {
        Kind::Date => column.dates()?.values().iter().map(|&moment| moment as f64).collect(),
        _ => column.numbers()?.values().to_vec(),
    })
}
