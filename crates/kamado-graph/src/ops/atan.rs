//! Arctangent in radians.
//!
//! `y = arctan x`, elementwise; any shape. Gradient: `dx = dy / (1 + x²)`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Arctangent in radians: `y = arctan x`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Atan;

impl Operator for Atan {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let square = graph.square(at.inputs[0])?;
        let one = graph.constant(1.0, Shape::scalar())?;
        let divisor = graph.add(square, one)?;
        Ok(vec![InputGradient::Rule(graph.div(at.gradient, divisor)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(f64::atan)
    }

    fn cases() -> Vec<Case> {
        unary_cases(Atan, Fill::Normal)
    }
}

impl Graph {
    /// `y = arctan x`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn atan(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Atan, &[x])
    }
}
