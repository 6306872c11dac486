//! Dividing examples into training, validation and test parts, reproducibly.

use crate::error::{DataError, Result};
use crate::streams;

mod copies;
mod folds;
mod groups;
mod leaks;
mod pictures;

pub use folds::{Fold, grouped_k_fold, k_fold, stratified_k_fold, time_k_fold};
pub use groups::{grouped_split, groups, moments, time_split};
pub use leaks::{Leak, LeakCheck, Meeting, leaks};
pub use pictures::near_pictures;

/// How large a part of a split is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// This share of all examples, above 0 and at most 1.
    Fraction(f64),
    /// This many examples, at least 1.
    Count(usize),
    /// What the other parts leave; at most one part can be the rest.
    Rest,
}

/// Divides examples `0..len` at random; each part is in ascending order. What no part claims is left out.
///
/// Errors if a part would be empty or the parts ask for more than there is.
pub fn random_split(len: usize, parts: &[Part], seed: u64) -> Result<Vec<Vec<usize>>> {
    let sizes = part_sizes(len, parts)?;
    let mut order: Vec<usize> = (0..len).collect();
    streams::split(seed, 0).shuffle(&mut order);
    let mut rest = &order[..];
    Ok(sizes.iter().map(|&size| take_sorted(&mut rest, size)).collect())
}

/// Divides examples so that every part has the classes in the proportion of the whole; each part is in ascending order.
///
/// `labels` is the class of each example. Parts have the sizes of [`random_split`]; the count of each class in each part
/// is its quota rounded down or up by largest remainder, and a class that has enough examples is in every part if
/// an exchange between parts can achieve it.
///
/// Errors as [`random_split`] does, or if a label is negative.
pub fn stratified_split(labels: &[i32], parts: &[Part], seed: u64) -> Result<Vec<Vec<usize>>> {
    let mut sizes = part_sizes(labels.len(), parts)?;
    let mut distinct: Vec<i32> = labels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if let Some(&negative) = distinct.first().filter(|&&label| label < 0) {
        return Err(DataError::request(
            format!("cannot stratify: there is a label {negative}"),
            "Labels of classes count from 0",
        ));
    }
    let mut classes: Vec<Vec<usize>> = vec![Vec::new(); distinct.len()];
    for (example, label) in labels.iter().enumerate() {
        if let Ok(class) = distinct.binary_search(label) {
            classes[class].push(example);
        }
    }
    // What no part claims is one more part here, so that rows and columns of the table add up; it is dropped below.
    sizes.push(labels.len() - sizes.iter().sum::<usize>());
    let counts: Vec<usize> = classes.iter().map(Vec::len).collect();
    let mut table = proportional_table(&counts, &sizes);
    represent_every_class(&mut table, &counts, parts.len());
    let mut result = vec![Vec::new(); parts.len()];
    for (class, examples) in classes.iter_mut().enumerate() {
        streams::split(seed, distinct[class] as u64).shuffle(examples);
        let mut rest = &examples[..];
        for (part, &size) in result.iter_mut().zip(&table[class]) {
            part.extend(take_sorted(&mut rest, size));
        }
    }
    result.iter_mut().for_each(|part| part.sort_unstable());
    Ok(result)
}

fn take_sorted(rest: &mut &[usize], size: usize) -> Vec<usize> {
    let (part, others) = rest.split_at(size);
    *rest = others;
    let mut part = part.to_vec();
    part.sort_unstable();
    part
}

/// The number of examples in each part: fractions by largest remainder, then counts, then the rest.
fn part_sizes(len: usize, parts: &[Part]) -> Result<Vec<usize>> {
    let refuse = |problem: String| {
        DataError::request(
            format!("cannot split {len} examples into {parts:?}: {problem}"),
            "Ask for smaller parts, or give more data",
        )
    };
    let fractions: f64 = parts.iter().map(|part| if let Part::Fraction(f) = part { *f } else { 0.0 }).sum();
    if parts.iter().any(|part| matches!(part, Part::Fraction(f) if !(*f > 0.0 && *f <= 1.0))) {
        return Err(refuse("a fraction must be above 0 and at most 1".into()));
    }
    if fractions > 1.0 + 1e-9 {
        return Err(refuse(format!("the fractions add up to {fractions}")));
    }
    if parts.iter().filter(|part| matches!(part, Part::Rest)).count() > 1 {
        return Err(refuse("two parts cannot both be the rest".into()));
    }
    let quotas: Vec<f64> =
        parts.iter().map(|part| if let Part::Fraction(f) = part { f * len as f64 } else { 0.0 }).collect();
    let mut sizes = largest_remainder(&quotas, ((fractions * len as f64).round() as usize).min(len));
    for (size, part) in sizes.iter_mut().zip(parts) {
        if let Part::Count(count) = part {
            *size = *count;
        }
    }
    let claimed = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size)).filter(|&sum| sum <= len);
    let Some(claimed) = claimed else {
        return Err(refuse("the parts ask for more than there is".into()));
    };
    if let Some(rest) = parts.iter().position(|part| matches!(part, Part::Rest)) {
        sizes[rest] = len - claimed;
    }
    match sizes.iter().position(|&size| size == 0) {
        Some(empty) => Err(refuse(format!("part {} would be empty", empty + 1))),
        None => Ok(sizes),
    }
}

/// Whole numbers near `quotas` that add up to `total`: rounded down, then one more for the largest remainders.
fn largest_remainder(quotas: &[f64], total: usize) -> Vec<usize> {
    // Below 1e-6 a missing bit of a quota such as 0.7 * 10 is noise, not a remainder.
    let mut sizes: Vec<usize> = quotas.iter().map(|quota| (quota + 1e-6).floor() as usize).collect();
    let mut order: Vec<usize> = (0..quotas.len()).filter(|&i| quotas[i] > 0.0).collect();
    order.sort_by(|&a, &b| (quotas[b] - sizes[b] as f64).total_cmp(&(quotas[a] - sizes[a] as f64)));
    let missing = total.saturating_sub(sizes.iter().sum());
    order.iter().take(missing).for_each(|&i| sizes[i] += 1);
    sizes
}

/// A table of whole numbers near `rows[r] * columns[c] / total` with exactly these row and column sums, which must agree.
fn proportional_table(rows: &[usize], columns: &[usize]) -> Vec<Vec<usize>> {
    let total = rows.iter().sum::<usize>().max(1) as u128;
    let product = |row: usize, column: usize| rows[row] as u128 * columns[column] as u128;
    let mut table: Vec<Vec<usize>> =
        (0..rows.len()).map(|r| (0..columns.len()).map(|c| (product(r, c) / total) as usize).collect()).collect();
    let mut row_lacks: Vec<usize> = (0..rows.len()).map(|r| rows[r] - table[r].iter().sum::<usize>()).collect();
    let column_sum = |c: usize| table.iter().map(|row| row[c]).sum::<usize>();
    let mut column_lacks: Vec<usize> = (0..columns.len()).map(|c| columns[c] - column_sum(c)).collect();
    let mut order: Vec<(usize, usize)> =
        (0..rows.len()).flat_map(|r| (0..columns.len()).map(move |c| (r, c))).collect();
    order.sort_by_key(|&(r, c)| std::cmp::Reverse(product(r, c) % total));
    // The first round gives at most one to a cell; later rounds settle what that could not.
    while row_lacks.iter().any(|&lack| lack > 0) {
        for &(row, column) in &order {
            if row_lacks[row] > 0 && column_lacks[column] > 0 {
                table[row][column] += 1;
                row_lacks[row] -= 1;
                column_lacks[column] -= 1;
            }
        }
    }
    table
}

/// Moves single examples between parts, keeping all sums, until each class that can be is in each of the first
/// `parts` columns.
fn represent_every_class(table: &mut [Vec<usize>], counts: &[usize], parts: usize) {
    for class in 0..table.len() {
        for part in 0..parts {
            if table[class][part] > 0 || counts[class] < parts {
                continue;
            }
            let donor_part = (0..table[class].len()).max_by_key(|&p| table[class][p]).filter(|&p| table[class][p] > 1);
            let donor_class = (0..table.len()).max_by_key(|&c| table[c][part]).filter(|&c| table[c][part] > 1);
            if let (Some(from), Some(other)) = (donor_part, donor_class) {
                table[class][from] -= 1;
                table[class][part] += 1;
                table[other][part] -= 1;
                table[other][from] += 1;
            }
        }
    }
}
