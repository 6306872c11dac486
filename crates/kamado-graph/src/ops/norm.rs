//! What the norms of rows share.

use crate::error::ShapeError;
use crate::op::{Case, Fill, Op, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The type of `x`, if it has rows and `vectors` vectors of a row's length follow.
pub(super) fn norm_type(inputs: &[&TensorType], epsilon: f64, vectors: usize) -> Result<TensorType, ShapeError> {
    if !(epsilon > 0.0 && epsilon.is_finite()) {
        return Err(ShapeError::new(format!("epsilon must be positive and finite, got {epsilon}")));
    }
    let Some((x, rest)) = inputs.split_first().filter(|(_, rest)| rest.len() == vectors) else {
        return Err(ShapeError::new(format!("expects {} inputs, got {}", vectors + 1, inputs.len())));
    };
    let [shape] = expect_floats(&[x])?;
    let Some(&last) = shape.last() else {
        return Err(ShapeError::new("expects at least one axis, got a scalar".to_owned()));
    };
    let row = TensorType::f32(Shape(vec![last]));
    match rest.iter().find(|vector| ***vector != row) {
        Some(other) => {
            Err(ShapeError::new(format!("expects gamma and beta of {row} for x of shape {shape}, got {other}")))
        }
        None => Ok(TensorType::f32(shape)),
    }
}

/// Applies a function to every row and its number.
pub(super) fn map_rows_with(x: &Tensor, f: impl Fn(usize, &[f64]) -> Vec<f64>) -> Tensor {
    let width = x.shape.last().copied().unwrap_or(1).max(1);
    Tensor::new(x.shape.clone(), x.data.chunks(width).enumerate().flat_map(|(i, row)| f(i, row)).collect())
}

/// The mean of a row, or 0 if it is not to be centred.
pub(super) fn centred_mean(row: &[f64], centred: bool) -> f64 {
    if centred { row.iter().sum::<f64>() / row.len() as f64 } else { 0.0 }
}

/// A row shifted to mean 0, if centred, and scaled to mean square 1; and the scale.
pub(super) fn normalized(row: &[f64], epsilon: f64, centred: bool) -> (Vec<f64>, f64) {
    let mean = centred_mean(row, centred);
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / row.len() as f64;
    let r = 1.0 / (variance + epsilon).sqrt();
    (row.iter().map(|x| (x - mean) * r).collect(), r)
}

/// Rows of awkward widths, and their length.
pub(super) fn rows() -> Vec<(Shape, usize)> {
    let mut shapes: Vec<_> = [2, 3, 7, 8, 9, 16, 17, 33, 65].map(|d| (Shape::batched(&[d]), d)).into();
    shapes.extend([(Shape::batched(&[4, 5]), 5), (Shape::fixed(&[6]), 6), (Shape::fixed(&[0, 4]), 4)]);
    shapes.push((Shape::batched(&[70, 4]), 4));
    shapes
}

/// Rows of awkward widths with so many vectors of a row's length.
pub(super) fn norm_cases(op: impl Into<Op>, vectors: usize) -> Vec<Case> {
    let op = op.into();
    let case = |(x, d): (Shape, usize)| {
        let vector = (Shape::fixed(&[d]), Fill::Positive);
        let inputs = std::iter::once((x, Fill::Normal)).chain(std::iter::repeat_n(vector, vectors));
        Case::new(op.clone(), inputs.collect::<Vec<_>>())
    };
    rows().into_iter().map(case).collect()
}
