//! What the elementwise operators share.

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, Op, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// One float input; the result has its type.
pub(super) fn unary_type(inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
    let [x] = expect_floats(inputs)?;
    Ok(TensorType::f32(x))
}

/// Two float inputs that broadcast.
pub(super) fn binary_type(inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
    let [a, b] = expect_floats(inputs)?;
    let shape = a.broadcast(&b).ok_or_else(|| {
        ShapeError::new(format!(
            "shapes {a} and {b} do not broadcast: from the right, extents must be equal or one of them 1"
        ))
    })?;
    Ok(TensorType::f32(shape))
}

/// Applies a function to every pair of elements under broadcasting.
pub(super) fn binary_reference(inputs: &[&Tensor], context: &Context<'_>, f: impl Fn(f64, f64) -> f64) -> Tensor {
    let shape = context.output.shape.at(context.batch);
    Tensor::from_fn(shape, |index| f(inputs[0].at(index), inputs[1].at(index)))
}

/// The gradients of a maximum (or minimum): the chosen input takes all, equal inputs take half each.
pub(super) fn winner_takes(graph: &mut Graph, at: &At<'_>, smaller: bool) -> Result<(NodeId, NodeId), GraphError> {
    let (a, b) = (at.inputs[0], at.inputs[1]);
    let difference = if smaller { graph.sub(b, a)? } else { graph.sub(a, b)? };
    // (1 + sign(difference)) / 2 is 1, 1/2 or 0.
    let sign = graph.sign(difference)?;
    let half = graph.scale(at.gradient, 0.5)?;
    let tilt = graph.mul(half, sign)?;
    Ok((graph.add(half, tilt)?, graph.sub(half, tilt)?))
}

/// `2/√π · ∫₀ˣ e^(-t²) dt`, by a series of terms of one sign (Abramowitz and Stegun 7.1.6).
pub(super) fn erf(x: f64) -> f64 {
    // The complement is below 1e-17.
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// The distribution function of the standard normal distribution.
pub(super) fn normal_distribution(x: f64) -> f64 {
    0.5 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))
}

/// `(1 + tanh u) / 2` with `u = √(2/π) · (x + 0.044715 x³)`.
pub(super) fn tanh_gate(x: f64) -> f64 {
    let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    0.5 * (1.0 + u.tanh())
}

/// Sizes around the widths of vectors and blocks.
pub(super) fn unary_cases(op: impl Into<Op>, fill: Fill) -> Vec<Case> {
    let op = op.into();
    let shapes =
        [Shape::scalar(), Shape::fixed(&[0]), Shape::batched(&[1]), Shape::batched(&[5]), Shape::batched(&[2, 17])];
    let mut cases: Vec<_> = shapes.into_iter().map(|s| Case::new(op.clone(), [(s, fill.clone())])).collect();
    cases.extend([7, 8, 9, 15, 16, 17, 33].map(|n| Case::new(op.clone(), [(Shape::fixed(&[n]), fill.clone())])));
    cases.push(Case::new(op, [(Shape::batched(&[173]), fill)]));
    cases
}

/// Equal shapes and every kind of broadcasting.
pub(super) fn binary_cases(op: impl Into<Op>, fill: Fill) -> Vec<Case> {
    let op = op.into();
    let pairs = [
        (Shape::scalar(), Shape::scalar()),
        (Shape::fixed(&[0]), Shape::fixed(&[0])),
        (Shape::batched(&[7]), Shape::batched(&[7])),
        (Shape::batched(&[2, 17]), Shape::batched(&[2, 17])),
        (Shape::batched(&[4, 9]), Shape::fixed(&[9])),
        (Shape::fixed(&[9]), Shape::batched(&[4, 9])),
        (Shape::batched(&[8]), Shape::scalar()),
        (Shape::scalar(), Shape::batched(&[8])),
        (Shape::batched(&[1]), Shape::batched(&[33])),
        (Shape::batched(&[5, 1, 3]), Shape::batched(&[1, 4, 3])),
        (Shape::batched(&[2, 3, 5]), Shape::fixed(&[3, 1])),
    ];
    pairs.into_iter().map(|(a, b)| Case::new(op.clone(), [(a, fill.clone()), (b, fill.clone())])).collect()
}
