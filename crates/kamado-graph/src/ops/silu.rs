//! Sigmoid-weighted linear unit, also called swish.
//!
//! `y = x / (1 + e⁻ˣ)`, elementwise; any shape. Gradient: `dx = dy · (s + y - y · s)` with `s = sigmoid(x)`.
//!
//! Source: Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units", 2017.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Sigmoid-weighted linear unit, also called swish: `y = x / (1 + e⁻ˣ)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Silu;

impl Operator for Silu {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let slope = {
            // All from x, so that the whole gradient is one pass over memory that reads nothing else.
            let s = graph.sigmoid(at.inputs[0])?;
            let y = graph.mul(at.inputs[0], s)?;
            let product = graph.mul(y, s)?;
            let sum = graph.add(s, y)?;
            graph.sub(sum, product)?
        };
        Ok(vec![InputGradient::Rule(graph.mul(at.gradient, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| x / (1.0 + (-x).exp()))
    }

    fn cases() -> Vec<Case> {
        unary_cases(Silu, Fill::Normal)
    }
}

impl Graph {
    /// `y = x / (1 + e⁻ˣ)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn silu(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Silu, &[x])
    }
}
