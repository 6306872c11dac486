//! Hyperbolic tangent.
//!
//! `y = tanh x`, elementwise; any shape. Gradient: `dx = dy · (1 - y²)`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Hyperbolic tangent: `y = tanh x`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tanh;

impl Operator for Tanh {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = {
            let square = graph.square(at.output)?;
            let lost = graph.mul(at.gradient, square)?;
            graph.sub(at.gradient, lost)?
        };
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| x.tanh())
    }

    fn cases() -> Vec<Case> {
        unary_cases(Tanh, Fill::Normal)
    }
}

impl Graph {
    /// `y = tanh x`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn tanh(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Tanh, &[x])
    }
}
