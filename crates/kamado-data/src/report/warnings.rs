//! What should be looked at before training.

use super::Summary;
use super::columns::{ColumnSummary, Details};

/// From here on two columns say nearly the same.
const SAME: f64 = 0.98;
/// From here on much of a column is missing.
const MUCH: f64 = 0.5;
/// Below this share of the rows a class is rare.
const RARE: f64 = 0.05;

/// In the order of the columns, then what concerns the whole table.
pub(super) fn of(summary: &Summary) -> Vec<String> {
    let mut warnings: Vec<String> =
        summary.columns.iter().flat_map(|column| column_warnings(summary, column)).collect();
    warnings.extend(classes(summary));
    warnings.extend(same(summary));
    if summary.duplicates > 0 {
        let share = 100.0 * summary.duplicates as f64 / summary.rows as f64;
        warnings.push(format!(
            "{} rows ({share:.1} %) are equal to an earlier one: the same row in training and test makes results too good",
            summary.duplicates
        ));
    }
    warnings
}

fn column_warnings(summary: &Summary, column: &ColumnSummary) -> Vec<String> {
    let ColumnSummary { name, missing, distinct, .. } = column;
    let known = summary.rows - missing;
    let mut warnings = Vec::new();
    match distinct {
        Some(0) => warnings.push(format!("{name:?} is empty")),
        Some(1) => warnings.push(format!("{name:?} has the same value everywhere: nothing can be learnt from it")),
        Some(distinct) if *distinct == known && known > 20 && column.kind == "category" => {
            warnings.push(format!("{name:?} is different in every row, as a number of an entry is: leave it out"));
        }
        _ => {}
    }
    let share = *missing as f64 / summary.rows.max(1) as f64;
    if share >= MUCH && known > 0 {
        warnings.push(format!("{name:?} is missing in {:.0} % of the rows", 100.0 * share));
    }
    if let Details::Numbers { min, max, quartiles: [low, _, high], .. } = column.details {
        let spread = high - low;
        let far = 20.0 * spread;
        if spread > 0.0 && (max > high + far || min < low - far) {
            warnings
                .push(format!("{name:?} has values far from the others ({min} to {max}): outliers or wrong units?"));
        }
    }
    warnings
}

/// Classes that are rare or alone.
fn classes(summary: &Summary) -> Vec<String> {
    let label = summary.columns.iter().find(|column| Some(&column.name) == summary.label.as_ref());
    let Some(ColumnSummary { name, missing, details: Details::Categories { most_frequent, others }, .. }) = label
    else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    if *missing > 0 {
        warnings.push(format!("the label {name:?} is missing in {missing} rows, which cannot be learnt from"));
    }
    let known = (summary.rows - missing) as f64;
    let rare = most_frequent.iter().filter(|(_, count)| (*count as f64) < RARE * known && *others == 0);
    let rare: Vec<String> = rare.take(5).map(|(class, count)| format!("{class:?} ({count})")).collect();
    if !rare.is_empty() && most_frequent.len() <= 10 {
        let list = rare.join(", ");
        warnings.push(format!("few rows of some classes: {list}; look at recall for each class, or set class_weight"));
    }
    warnings
}

/// Columns of numbers that say nearly the same.
fn same(summary: &Summary) -> Vec<String> {
    let correlations = &summary.correlations;
    let pairs = (0..correlations.names.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let alike = |&(a, b): &(usize, usize)| correlations.get(a, b).is_some_and(|r| r.abs() >= SAME);
    let name = |i: usize| &correlations.names[i];
    let sentence = |(a, b): (usize, usize)| {
        let r = correlations.get(a, b).unwrap_or_default();
        format!("{:?} and {:?} say nearly the same (correlation {r:.3})", name(b), name(a))
    };
    pairs.filter(alike).map(sentence).collect()
}
