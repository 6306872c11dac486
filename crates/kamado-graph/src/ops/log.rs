//! Natural logarithm.
//!
//! `y = ln x`, elementwise; any shape. Gradient: `dx = dy / x`.
//!
//! Zero gives minus infinity, negative inputs give NaN.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Natural logarithm: `y = ln x`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Log;

impl Operator for Log {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = graph.div(at.gradient, at.inputs[0])?;
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| x.ln())
    }

    fn cases() -> Vec<Case> {
        unary_cases(Log, Fill::Positive)
    }
}

impl Graph {
    /// `y = ln x`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn log(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Log, &[x])
    }
}
