//! Logarithm of the softmax over the last axis.
//!
//! `y[…, i] = x[…, i] - ln Σ_j e^x[…, j]`; any shape with at least one axis. Gradient: `dx = dy - eʸ · Σ dy`.
//!
//! The largest element of a row is subtracted first, so large inputs do not overflow.

use serde::{Deserialize, Serialize};

use super::rows::{log_softmax_row, map_rows, row_cases, split_last};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, InputGradient, Operator, expect_floats};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Logarithm of the softmax over the last axis.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogSoftmax;

impl Operator for LogSoftmax {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        split_last(&x)?;
        Ok(TensorType::f32(x))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let softmax = graph.exp(at.output)?;
        let total = graph.sum(at.gradient, &[graph.shape(at.output).rank() - 1], true)?;
        let taken = graph.mul(softmax, total)?;
        Ok(vec![InputGradient::Rule(graph.sub(at.gradient, taken)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        map_rows(inputs[0], log_softmax_row)
    }

    fn cases() -> Vec<Case> {
        row_cases(LogSoftmax)
    }
}

impl Graph {
    /// The logarithm of the softmax of `x` over its last axis.
    ///
    /// # Errors
    /// If `x` is a scalar or not a float tensor.
    pub fn log_softmax(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(LogSoftmax, &[x])
    }
}
