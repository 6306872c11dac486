//! Negation.
//!
//! `y = -x`, elementwise; any shape. Gradient: `dx = -dy`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Negation: `y = -x`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Neg;

impl Operator for Neg {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let gradient = graph.neg(at.gradient)?;
        Ok(vec![InputGradient::Rule(gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| -x)
    }

    fn cases() -> Vec<Case> {
        unary_cases(Neg, Fill::Normal)
    }
}

impl Graph {
    /// `y = -x`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn neg(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Neg, &[x])
    }
}
