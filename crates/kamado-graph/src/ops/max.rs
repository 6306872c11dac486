//! Largest element over axes.
//!
//! `y[rest] = max_axes x`; any shape, from which the axes are dropped, or kept with an extent of one. NaN anywhere gives NaN.
//! Gradient: `dx = dy` where `x` is the largest, shared equally between ties, as in PyTorch's `amax`.

use serde::{Deserialize, Serialize};

use super::reduction::{reduce_cases, reduce_reference, reduced_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Largest element over `axes`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Max {
    /// The axes to reduce, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with an extent of one.
    pub keep_dims: bool,
}

impl Operator for Max {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        reduced_type(inputs, &self.axes, self.keep_dims)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let largest = graph.restore_axes(at.output, &self.axes, self.keep_dims)?;
        let gradient = graph.restore_axes(at.gradient, &self.axes, self.keep_dims)?;
        // Nothing exceeds the largest, so the step of the gap is 0 exactly where x is the largest.
        let gap = graph.sub(largest, at.inputs[0])?;
        let below = graph.step(gap)?;
        let one = graph.constant(1.0, crate::shape::Shape::scalar())?;
        let chosen = graph.sub(one, below)?;
        let ties = graph.sum(chosen, &self.axes, true)?;
        let share = graph.div(chosen, ties)?;
        Ok(vec![InputGradient::Rule(graph.mul(share, gradient)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let larger = |a: f64, x: f64| if a.is_nan() || x.is_nan() { f64::NAN } else { a.max(x) };
        reduce_reference(inputs[0], &self.axes, context, f64::NEG_INFINITY, larger)
    }

    fn cases() -> Vec<Case> {
        reduce_cases(|axes, keep_dims| Max { axes, keep_dims }.into(), &Fill::Distinct)
    }
}

impl Graph {
    /// The largest element over `axes`, which are dropped unless `keep_dims`.
    ///
    /// # Errors
    /// If an axis does not exist or is given twice.
    pub fn max(&mut self, x: NodeId, axes: &[usize], keep_dims: bool) -> Result<NodeId, GraphError> {
        self.push(Max { axes: axes.to_vec(), keep_dims }, &[x])
    }
}
