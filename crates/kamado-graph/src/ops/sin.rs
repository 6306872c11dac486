//! Sine of an angle in radians.
//!
//! `y = sin x`, elementwise; any shape. Gradient: `dx = dy · cos x`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Sine of an angle in radians: `y = sin x`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sin;

impl Operator for Sin {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let slope = graph.cos(at.inputs[0])?;
        Ok(vec![InputGradient::Rule(graph.mul(at.gradient, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(f64::sin)
    }

    fn cases() -> Vec<Case> {
        unary_cases(Sin, Fill::Normal)
    }
}

impl Graph {
    /// `y = sin x`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn sin(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Sin, &[x])
    }
}
