//! Square root.
//!
//! `y = √x`, elementwise; any shape. Gradient: `dx = dy / (2 · y)`.
//!
//! Negative inputs give NaN; at zero the gradient is infinite, as in PyTorch.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Square root: `y = √x`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sqrt;

impl Operator for Sqrt {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = {
            let twice = graph.scale(at.output, 2.0)?;
            graph.div(at.gradient, twice)?
        };
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| x.sqrt())
    }

    fn cases() -> Vec<Case> {
        unary_cases(Sqrt, Fill::Positive)
    }
}

impl Graph {
    /// `y = √x`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn sqrt(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Sqrt, &[x])
    }
}
