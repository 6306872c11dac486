//! Square.
//!
//! `y = x²`, elementwise; any shape. Gradient: `dx = 2 · x · dy`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Square: `y = x²`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Square;

impl Operator for Square {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = {
            let product = graph.mul(at.gradient, at.inputs[0])?;
            graph.scale(product, 2.0)?
        };
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| x * x)
    }

    fn cases() -> Vec<Case> {
        unary_cases(Square, Fill::Normal)
    }
}

impl Graph {
    /// `y = x²`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn square(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Square, &[x])
    }
}
