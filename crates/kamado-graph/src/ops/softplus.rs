//! Smooth rectifier.
//!
//! `y = ln(1 + eˣ)`, elementwise; any shape. Gradient: `dx = dy · sigmoid(x)`.
//!
//! Computed as `max(x, 0) + ln(1 + e^(-|x|))`, which does not overflow.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Smooth rectifier: `y = ln(1 + eˣ)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Softplus;

impl Operator for Softplus {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let slope = graph.sigmoid(at.inputs[0])?;
        Ok(vec![InputGradient::Rule(graph.mul(at.gradient, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| x.max(0.0) + (-x.abs()).exp().ln_1p())
    }

    fn cases() -> Vec<Case> {
        unary_cases(Softplus, Fill::Normal)
    }
}

impl Graph {
    /// `y = ln(1 + eˣ)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn softplus(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Softplus, &[x])
    }
}
