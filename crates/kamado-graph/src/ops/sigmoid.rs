//! Logistic function.
//!
//! `y = 1 / (1 + e⁻ˣ)`, elementwise; any shape. Gradient: `dx = dy · y · (1 - y)`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Logistic function: `y = 1 / (1 + e⁻ˣ)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sigmoid;

impl Operator for Sigmoid {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = {
            let square = graph.square(at.output)?;
            let slope = graph.sub(at.output, square)?;
            graph.mul(at.gradient, slope)?
        };
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| 1.0 / (1.0 + (-x).exp()))
    }

    fn cases() -> Vec<Case> {
        unary_cases(Sigmoid, Fill::Normal)
    }
}

impl Graph {
    /// `y = 1 / (1 + e⁻ˣ)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn sigmoid(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Sigmoid, &[x])
    }
}
