//! Labels that are probably wrong.

use super::softmax_regression::SoftmaxRegression;
use crate::error::{DataError, Result};
use crate::split::stratified_k_fold;
use crate::table::Table;
use crate::threads;

/// A label that is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelIssue {
    /// The row.
    pub row: usize,
    /// The class it is given.
    pub given: usize,
    /// The class it looks like.
    pub suggested: usize,
    /// The probability of the given class minus that of the suggested one: the lower, the surer.
    pub margin: f32,
}

/// Rows whose label is probably wrong, the surest first.
///
/// `probabilities` are `rows x class_count` numbers of a model that did not see the row, such as [`out_of_fold`] gives;
/// `classes` are the given labels. A row counts as class `j` if its probability of `j` is at least the mean probability of
/// `j` over the rows that are given `j`; among several such classes the most probable counts. It is an issue if it counts
/// as another class than its own.
///
/// # Errors
/// If the sizes do not agree or a class is out of range.
///
/// Source: Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70 (2021).
pub fn label_issues(probabilities: &[f32], classes: &[i32], class_count: usize) -> Result<Vec<LabelIssue>> {
    let given = checked(classes, class_count)?;
    if Some(probabilities.len()) != given.len().checked_mul(class_count) {
        let problem =
            format!("{} probabilities for {} rows of {class_count} classes", probabilities.len(), given.len());
        return Err(DataError::request(problem, "Give one for each row and class"));
    }
    let rows = || probabilities.chunks_exact(class_count).zip(&given);
    let (mut sums, mut counts) = (vec![0.0f64; class_count], vec![0usize; class_count]);
    for (row, &class) in rows() {
        sums[class] += f64::from(row[class]);
        counts[class] += 1;
    }
    // A class without rows has no threshold, and nothing counts as it.
    let thresholds: Vec<f64> =
        sums.iter().zip(&counts).map(|(sum, &n)| if n == 0 { f64::INFINITY } else { sum / n as f64 }).collect();
    let issue = |(row, (p, &class)): (usize, (&[f32], &usize))| {
        // The mean of equal numbers can be above them in the last bits.
        let counts_as = (0..class_count).filter(|&j| f64::from(p[j]) >= thresholds[j] - 1e-6);
        let suggested = counts_as.max_by(|&a, &b| p[a].total_cmp(&p[b]).then(b.cmp(&a)))?;
        let margin = p[class] - p[suggested];
        (suggested != class).then_some(LabelIssue { row, given: class, suggested, margin })
    };
    let mut issues: Vec<LabelIssue> = rows().enumerate().filter_map(issue).collect();
    issues.sort_by(|a, b| a.margin.total_cmp(&b.margin).then(a.row.cmp(&b.row)));
    Ok(issues)
}

/// The probability of each class for each row, by a softmax regression on the numbers of the other folds: `rows x
/// class_count` numbers.
///
/// # Errors
/// If the sizes do not agree, a class is out of range, or there are fewer rows than folds.
pub fn out_of_fold(table: &Table, classes: &[i32], class_count: usize, folds: usize, seed: u64) -> Result<Vec<f32>> {
    let given = checked(classes, class_count)?;
    if given.len() != table.rows || table.width == 0 {
        let problem = format!("{} labels for {} rows of {} numbers", given.len(), table.rows, table.width);
        return Err(DataError::request(problem, "Give one label for each row, and encode a column as numbers"));
    }
    let folds = stratified_k_fold(classes, folds, seed)?;
    let parts = threads::map(folds, |fold| {
        let model = SoftmaxRegression::fit(table, &given, class_count, &fold.train);
        let told: Vec<Vec<f32>> = fold.test.iter().map(|&row| model.probabilities(table.row(row))).collect();
        (fold.test, told)
    });
    let mut probabilities = vec![0.0; given.len() * class_count];
    for (rows, told) in parts {
        for (row, told) in rows.into_iter().zip(told) {
            probabilities[row * class_count..(row + 1) * class_count].copy_from_slice(&told);
        }
    }
    Ok(probabilities)
}

fn checked(classes: &[i32], class_count: usize) -> Result<Vec<usize>> {
    let class = |&class: &i32| {
        usize::try_from(class).ok().filter(|&class| class < class_count).ok_or_else(|| {
            DataError::request(format!("there is a class {class}"), format!("Classes are 0 to {class_count} - 1"))
        })
    };
    classes.iter().map(class).collect()
}
