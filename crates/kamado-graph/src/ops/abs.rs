//! Absolute value.
//!
//! `y = |x|`, elementwise; any shape. Gradient: `dx = dy · sign(x)`.
//!
//! At zero the gradient is zero, as in PyTorch.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Absolute value: `y = |x|`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Abs;

impl Operator for Abs {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = {
            let sign = graph.sign(at.inputs[0])?;
            graph.mul(at.gradient, sign)?
        };
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| x.abs())
    }

    fn cases() -> Vec<Case> {
        unary_cases(Abs, Fill::NonZero)
    }
}

impl Graph {
    /// `y = |x|`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn abs(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Abs, &[x])
    }
}
