//! Softmax over the last axis.
//!
//! `y[…, i] = e^x[…, i] / Σ_j e^x[…, j]`; any shape with at least one axis. Gradient: `dx = y · (dy - Σ dy · y)`.
//!
//! The largest element of a row is subtracted first, so large inputs do not overflow.

use serde::{Deserialize, Serialize};

use super::rows::{log_softmax_row, map_rows, row_cases, split_last};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, InputGradient, Operator, expect_floats};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Softmax over the last axis.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Softmax;

impl Operator for Softmax {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        split_last(&x)?;
        Ok(TensorType::f32(x))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Rule(graph.through_softmax(at.output, at.gradient)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        map_rows(inputs[0], |row| log_softmax_row(row).into_iter().map(f64::exp).collect())
    }

    fn cases() -> Vec<Case> {
        row_cases(Softmax)
    }
}

impl Graph {
    /// The softmax of `x` over its last axis.
    ///
    /// # Errors
    /// If `x` is a scalar or not a float tensor.
    pub fn softmax(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Softmax, &[x])
    }
}
