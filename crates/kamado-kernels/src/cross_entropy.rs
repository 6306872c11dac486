//! Cross-entropy of softmax against class labels, from logits.
//!
//! For logits z, `[rows, classes]`, labels y, `[rows]`, and m = maxⱼ zⱼ of a row: loss = ln Σⱼ e^{zⱼ − m} − (z_y − m), in
//! natural units (nats), and ∂loss/∂zⱼ = softmax(z)ⱼ − \[j = y\]. The loss never takes the logarithm of a rounded
//! probability, so it stays finite however wrong a row is.

use crate::Exec;
use crate::isa::multiversion;
use crate::parallel;
use crate::softmax::{exp_rows, max, rows_nearby, rows_per_task, sum, sum_exp};
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
    loss: &mut [f32],
) -> Result<(), LabelOutOfRange> {
    check(logits, labels, classes)?;
    assert_eq!(loss.len(), labels.len(), "losses and labels");
    parallel::for_each_chunk(exec.pool, loss, rows_per_task(classes), |first, loss| {
        loss_rows(exec.isa, &logits[first * classes..], &labels[first..], classes, loss);
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
    gradient: &mut [f32],
) -> Result<(), LabelOutOfRange> {
    fused(exec, logits, labels, upstream, classes, (&mut [], 0), gradient)
}

/// The loss of each row and the gradient for the logits in one go, from one exponential per logit.
///
/// # Errors
/// As [`softmax_cross_entropy`].
///
/// # Panics
/// If the lengths do not fit together.
pub fn softmax_cross_entropy_with_gradient(
    exec: Exec<'_>,
    logits: &[f32],
    labels: &[i32],
    upstream: &[f32],
    classes: usize,
    loss: &mut [f32],
    gradient: &mut [f32],
) -> Result<(), LabelOutOfRange> {
    fused(exec, logits, labels, upstream, classes, (loss, 1), gradient)
}

fn check(logits: &[f32], labels: &[i32], classes: usize) -> Result<(), LabelOutOfRange> {
    assert_eq!(logits.len(), labels.len() * classes, "logits against labels and {classes} classes");
    let wrong = |&label: &i32| usize::try_from(label).map_or(true, |label| label >= classes);
    match labels.iter().position(wrong) {
        Some(row) => Err(LabelOutOfRange { row, label: labels[row], classes }),
        None => Ok(()),
    }
}

/// `loss` comes with its elements per row: 0 if it is not wanted.
fn fused(
    exec: Exec<'_>,
    logits: &[f32],
    labels: &[i32],
    upstream: &[f32],
    classes: usize,
    loss: (&mut [f32], usize),
    gradient: &mut [f32],
) -> Result<(), LabelOutOfRange> {
    check(logits, labels, classes)?;
    assert_eq!(upstream.len(), labels.len(), "upstream gradients and labels");
    let (per_row, near) = (loss.1, rows_nearby(classes));
    parallel::for_each_row_group(
        exec.pool,
        labels.len(),
        rows_per_task(classes),
        loss,
        (gradient, classes),
        |first, loss, gradient| {
            for (i, gradient) in gradient.chunks_mut(near * classes).enumerate() {
                let rows = gradient.len() / classes;
                let (local, first) = (i * near, first + i * near);
                let loss = &mut loss[local * per_row..(local + rows) * per_row];
                let logits = &logits[first * classes..(first + rows) * classes];
                gradient_rows(exec.isa, logits, &labels[first..], &upstream[first..], classes, loss, gradient);
            }
        },
    );
    Ok(())
}

multiversion! {
    fn loss_rows(isa; logits: &[f32], labels: &[i32], classes: usize, loss: &mut [f32]) {
        for ((loss, z), &label) in loss.iter_mut().zip(logits.chunks_exact(classes)).zip(labels) {
            let largest = max(z);
            *loss = log(sum_exp(z, largest)) - (z[label as usize] - largest);
        }
    }
}

multiversion! {
    fn gradient_rows(
        isa;
        logits: &[f32],
        labels: &[i32],
        upstream: &[f32],
        classes: usize,
        loss: &mut [f32],
        gradient: &mut [f32],
    ) {
        exp_rows(logits, classes, gradient);
        let rows = gradient.chunks_exact_mut(classes).zip(logits.chunks_exact(classes)).zip(labels).zip(upstream);
        for (i, (((row, z), &label), &upstream)) in rows.enumerate() {
            let (label, total) = (label as usize, sum(row));
            if let Some(loss) = loss.get_mut(i) {
                *loss = log(total) - (z[label] - max(z));
            }
            let scale = upstream / total;
            row.iter_mut().for_each(|v| *v *= scale);
            row[label] -= upstream;
        }
    }
}
