//! What the reductions share.

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{Case, Context, Fill, Op, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// The type after reducing `axes`, which must ascend and exist.
pub(super) fn reduced_type(inputs: &[&TensorType], axes: &[usize], keep_dims: bool) -> Result<TensorType, ShapeError> {
    let [x] = expect_floats(inputs)?;
    if axes.windows(2).any(|w| w[0] >= w[1]) || axes.last().is_some_and(|&a| a >= x.rank()) {
        return Err(ShapeError::new(format!("axes {axes:?} must ascend and lie within shape {x}")));
    }
    let dim = |(i, &d): (usize, &Dim)| match (axes.contains(&i), keep_dims) {
        (false, _) => Some(d),
        (true, true) => Some(Dim::ONE),
        (true, false) => None,
    };
    Ok(TensorType::f32(Shape(x.iter().enumerate().filter_map(dim).collect())))
}

/// Folds the elements of each group in row-major order.
pub(super) fn reduce_reference(
    x: &Tensor,
    axes: &[usize],
    context: &Context<'_>,
    start: f64,
    fold: impl Fn(f64, f64) -> f64,
) -> Tensor {
    let kept: Vec<_> = x.shape.iter().enumerate().map(|(i, &n)| if axes.contains(&i) { 1 } else { n }).collect();
    let mut result = Tensor::full(kept.clone(), start);
    Tensor::from_fn(x.shape.clone(), |index| {
        let offset = kept.iter().zip(index).fold(0, |o, (&n, &i)| o * n + if n == 1 { 0 } else { i });
        result.data[offset] = fold(result.data[offset], x.at(index));
        0.0
    });
    Tensor::new(context.output.shape.at(context.batch), result.data)
}

/// All, leading, trailing, middle and no axes, with and without keeping them.
pub(super) fn reduce_cases(op: impl Fn(Vec<usize>, bool) -> Op, fill: &Fill) -> Vec<Case> {
    let shape = || Shape::batched(&[4, 3, 9]);
    let axes = [vec![], vec![0], vec![3], vec![0, 1, 2], vec![1, 2], vec![2, 3], vec![0, 3], vec![0, 1, 2, 3]];
    let mut cases: Vec<_> = axes
        .into_iter()
        .enumerate()
        .map(|(i, axes)| Case::new(op(axes, i % 2 == 0), [(shape(), fill.clone())]))
        .collect();
    for n in [1, 7, 8, 9, 16, 17, 65] {
        cases.push(Case::new(op(vec![1], false), [(Shape::batched(&[n]), fill.clone())]));
        cases.push(Case::new(op(vec![0], true), [(Shape::batched(&[n]), fill.clone())]).batch(5));
    }
    cases
}

impl Graph {
    /// Puts back the axes that a reduction dropped, with an extent of one.
    ///
    /// # Errors
    /// If the reshaped tensor would have too many elements, which cannot be.
    pub fn restore_axes(&mut self, x: NodeId, axes: &[usize], kept: bool) -> Result<NodeId, GraphError> {
        if kept || axes.is_empty() {
            return Ok(x);
        }
        let mut dims = self.shape(x).to_vec();
        axes.iter().for_each(|&axis| dims.insert(axis, Dim::ONE));
        self.reshape(x, Shape(dims))
    }

    /// Sums over the axes along which `shape` was broadcast to the shape of `x`, so that the result has `shape`.
    ///
    /// # Errors
    /// If `shape` does not broadcast to that of `x`.
    pub fn sum_to(&mut self, x: NodeId, shape: &Shape) -> Result<NodeId, GraphError> {
        let from = self.shape(x).clone();
        if from == *shape {
            return Ok(x);
        }
        let lead = from.rank().saturating_sub(shape.rank());
        let axes: Vec<_> = (0..from.rank()).filter(|&i| i < lead || from[i] != shape[i - lead]).collect();
        let sum = self.sum(x, &axes, true)?;
        self.reshape(sum, shape.clone())
    }
}
