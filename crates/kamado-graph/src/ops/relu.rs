//! Rectified linear unit.
//!
//! `y = max(x, 0)`, elementwise; any shape. Gradient: `dx = dy · step(y)`.
//!
//! At zero the gradient is zero, as in PyTorch and TensorFlow. NaN stays NaN.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Rectified linear unit: `y = max(x, 0)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Relu;

impl Operator for Relu {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = {
            // The sign of the output tells the sign of the input, so the input need not be kept.
            let open = graph.step(at.output)?;
            graph.mul(at.gradient, open)?
        };
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| if x > 0.0 || x.is_nan() { x } else { 0.0 })
    }

    fn cases() -> Vec<Case> {
        unary_cases(Relu, Fill::NonZero)
    }
}

impl Graph {
    /// `y = max(x, 0)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn relu(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Relu, &[x])
    }
}
