//! Division.
//!
//! `y = a / b`, elementwise; any shapes that broadcast as in NumPy. Gradient: `da = dy / b, db = -dy · y / b`.

use serde::{Deserialize, Serialize};

use super::elementwise::{binary_cases, binary_reference, binary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Division: `y = a / b`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Div;

impl Operator for Div {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        binary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let da = graph.div(at.gradient, at.inputs[1])?;
        let product = graph.mul(da, at.output)?;
        let db = graph.neg(product)?;
        Ok(vec![InputGradient::Rule(da), InputGradient::Rule(db)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        binary_reference(inputs, context, |a, b| a / b)
    }

    fn cases() -> Vec<Case> {
        binary_cases(Div, Fill::Positive)
    }
}

impl Graph {
    /// `y = a / b`, with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn div(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, GraphError> {
        self.push(Div, &[a, b])
    }
}
