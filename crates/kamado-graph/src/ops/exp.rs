//! Exponential.
//!
//! `y = eˣ`, elementwise; any shape. Gradient: `dx = dy · y`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Exponential: `y = eˣ`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Exp;

impl Operator for Exp {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = graph.mul(at.gradient, at.output)?;
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| x.exp())
    }

    fn cases() -> Vec<Case> {
        unary_cases(Exp, Fill::Normal)
    }
}

impl Graph {
    /// `y = eˣ`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn exp(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Exp, &[x])
    }
}
