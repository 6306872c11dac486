//! Sum over axes.
//!
//! `y[rest] = Σ_axes x`; any shape, from which the axes are dropped, or kept with an extent of one. Gradient: `dx = dy`,
//! broadcast back.

use serde::{Deserialize, Serialize};

use super::reduction::{reduce_cases, reduce_reference, reduced_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Dim, TensorType};
use crate::tensor::Tensor;

/// Sum over `axes`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sum {
    /// The axes to sum over, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with an extent of one.
    pub keep_dims: bool,
}

impl Operator for Sum {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        reduced_type(inputs, &self.axes, self.keep_dims)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let shape = graph.shape(at.inputs[0]).clone();
        let kept = graph.restore_axes(at.gradient, &self.axes, self.keep_dims)?;
        Ok(vec![InputGradient::Rule(graph.expand(kept, shape)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        reduce_reference(inputs[0], &self.axes, context, 0.0, |sum, x| sum + x)
    }

    fn cases() -> Vec<Case> {
        reduce_cases(|axes, keep_dims| Sum { axes, keep_dims }.into(), &Fill::Normal)
    }
}

impl Graph {
    /// The sum over `axes`, which are dropped unless `keep_dims`.
    ///
    /// # Errors
    /// If an axis does not exist or is given twice.
    pub fn sum(&mut self, x: NodeId, axes: &[usize], keep_dims: bool) -> Result<NodeId, GraphError> {
        self.push(Sum { axes: axes.to_vec(), keep_dims }, &[x])
    }

    /// The mean over `axes`, which are dropped unless `keep_dims`: a sum and a scale.
    ///
    /// # Errors
    /// If an axis does not exist or is given twice.
    pub fn mean(&mut self, x: NodeId, axes: &[usize], keep_dims: bool) -> Result<NodeId, GraphError> {
        let sum = self.sum(x, axes, keep_dims)?;
        let divide_by: Vec<Dim> = axes.iter().map(|&axis| self.shape(x)[axis]).collect();
        self.push(super::Scale { factor: 1.0, divide_by }, &[sum])
    }
}
