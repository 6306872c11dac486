//! Cosine of an angle in radians.
//!
//! `y = cos x`, elementwise; any shape. Gradient: `dx = -dy · sin x`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Cosine of an angle in radians: `y = cos x`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cos;

impl Operator for Cos {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let slope = {
            let sine = graph.sin(at.inputs[0])?;
            graph.neg(sine)?
        };
        Ok(vec![InputGradient::Rule(graph.mul(at.gradient, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(f64::cos)
    }

    fn cases() -> Vec<Case> {
        unary_cases(Cos, Fill::Normal)
    }
}

impl Graph {
    /// `y = cos x`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn cos(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Cos, &[x])
    }
}
