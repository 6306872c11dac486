//! Cross-entropy of softmax against class labels, from logits.
//!
//! For logits z, `[rows, classes]`, labels y, `[rows]`, and m = maxⱼ zⱼ of a row: loss = ln Σⱼ e^{zⱼ − m} − (z_y − m), in
//! natural units (nats), and ∂loss/∂zⱼ = softmax(z)ⱼ − \[j = y\]. The loss never takes the logarithm of a rounded
//! probability, so it stays finite however wrong a row is. Rows whose label is `ignored` have no loss.

use crate::Exec;
use crate::isa::multiversion;
use crate::lanes::{largest_number, sum};
use crate::parallel;
use crate::softmax::{NEARBY, exp_rows, rows_nearby, rows_per_task, sum_exp};
use crate::transcendental::log;

/// A label that names no class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LabelOutOfRange {
    /// The row of the batch.
    pub row: usize,
    /// The label found there.
    pub label: i32,
    /// The number of classes; labels are 0 to `classes` − 1.
    pub classes: usize,
}

impl std::fmt::Display for LabelOutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LabelOutOfRange { row, label, classes } = self;
        write!(f, "row {row} of the batch has label {label}, but with {classes} classes labels are ")?;
        match classes {
            0 => write!(f, "impossible"),
            1 => write!(f, "all 0"),
            _ => write!(f, "0 to {}; number the labels from 0, or give the last layer more units", classes - 1),
        }
    }
}

impl std::error::Error for LabelOutOfRange {}

/// The loss of each row: `logits` `[rows, classes]`, `labels` and `loss` `[rows]`.
///
/// # Errors
/// [`LabelOutOfRange`] for the first label that names no class; nothing is written then.
///
/// # Panics
/// If the lengths do not fit together.
pub fn softmax_cross_entropy(
    exec: Exec<'_>,
    logits: &[f32],
    labels: &[i32],
    classes: usize,
    ignored: Option<i32>,
    loss: &mut [f32],
) -> Result<(), LabelOutOfRange> {
    check(logits, labels, classes, ignored)?;
    assert_eq!(loss.len(), labels.len(), "losses and labels");
    parallel::for_each_chunk(exec.pool, loss, rows_per_task(classes), |first, loss| {
        let last = first + loss.len();
        loss_rows(exec.isa, &logits[first * classes..last * classes], &labels[first..last], classes, ignored, loss);
    });
    Ok(())
}

/// The gradient for the logits, `[rows, classes]`: (softmax − one-hot label)·`upstream`, where `upstream`, `[rows]`, is the
/// gradient for each row's loss.
///
/// # Errors
/// As [`softmax_cross_entropy`].
///
/// # Panics
/// If the lengths do not fit together.
pub fn softmax_cross_entropy_gradient(
    exec: Exec<'_>,
    logits: &[f32],
    labels: &[i32],
    upstream: &[f32],
    classes: usize,
    ignored: Option<i32>,
    gradient: &mut [f32],
) -> Result<(), LabelOutOfRange> {
    check(logits, labels, classes, ignored)?;
    assert_eq!(upstream.len(), labels.len(), "upstream gradients and labels");
    assert_eq!(gradient.len(), logits.len(), "gradient and logits");
    if gradient.is_empty() {
        return Ok(());
    }
    let near = rows_nearby(classes);
    parallel::for_each_chunk(exec.pool, gradient, rows_per_task(classes) * classes, |start, piece| {
        for (i, gradient) in piece.chunks_mut(near * classes).enumerate() {
            let (first, rows) = (start / classes + i * near, gradient.len() / classes);
            let logits = &logits[first * classes..(first + rows) * classes];
            gradient_rows(exec.isa, logits, &labels[first..], &upstream[first..], classes, ignored, gradient);
        }
    });
    Ok(())
}

fn check(logits: &[f32], labels: &[i32], classes: usize, ignored: Option<i32>) -> Result<(), LabelOutOfRange> {
    assert_eq!(logits.len(), labels.len() * classes, "logits against labels and {classes} classes");
    let wrong = |&label: &i32| Some(label) != ignored && usize::try_from(label).map_or(true, |label| label >= classes);
    match labels.iter().position(wrong) {
        Some(row) => Err(LabelOutOfRange { row, label: labels[row], classes }),
        None => Ok(()),
    }
}

multiversion! {
    /// Only a few exponentials at a time are stored: of several short rows, or of a piece of a long one.
    fn loss_rows(
        isa;
        logits: &[f32],
        labels: &[i32],
        classes: usize,
        ignored: Option<i32>,
        loss: &mut [f32],
    ) {
        let mut block = [0.0; NEARBY];
        let near = rows_nearby(classes);
        for ((loss, logits), labels) in loss.chunks_mut(near).zip(logits.chunks(near * classes)).zip(labels.chunks(near)) {
            if classes > NEARBY {
                loss[0] = if Some(labels[0]) == ignored {
                    0.0
                } else {
                    log(sum_exp(logits, &mut block)) - margin(logits, labels[0])
                };
                continue;
            }
            let exps = &mut block[..logits.len()];
            exp_rows(logits, classes, exps);
            let rows = logits.chunks_exact(classes).zip(exps.chunks_exact(classes));
            for ((loss, (z, exps)), &label) in loss.iter_mut().zip(rows).zip(labels) {
                *loss = if Some(label) == ignored { 0.0 } else { log(sum(exps)) - margin(z, label) };
            }
        }
    }
}

/// How far the label's logit is above the largest: never more than 0.
#[inline(always)]
fn margin(z: &[f32], label: i32) -> f32 {
    z[label as usize] - largest_number(z)
}

multiversion! {
    fn gradient_rows(
        isa;
        logits: &[f32],
        labels: &[i32],
        upstream: &[f32],
        classes: usize,
        ignored: Option<i32>,
        gradient: &mut [f32],
    ) {
        exp_rows(logits, classes, gradient);
        let rows = gradient.chunks_exact_mut(classes).zip(labels).zip(upstream);
        for ((row, &label), &upstream) in rows {
            if Some(label) == ignored {
                row.fill(0.0);
                continue;
            }
            let scale = upstream / sum(row);
            for v in &mut *row {
                *v *= scale;
            }
            row[label as usize] -= upstream;
        }
    }
}
