//! Rectified linear unit that leaks.
//!
//! `y = x if x > 0, else negative_slope · x`, elementwise; any shape. Gradient: `dx = dy` where `x > 0`, else `dy · negative_slope`.
//!
//! Source: Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Rectified linear unit that leaks: `y = x if x > 0, else negative_slope · x`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LeakyRelu {
    /// The slope for negative `x`.
    pub negative_slope: f64,
}

impl Operator for LeakyRelu {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        if !self.negative_slope.is_finite() {
            return Err(ShapeError::new(format!("negative_slope must be finite, got {}", self.negative_slope)));
        }
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let slope = {
            // negative_slope + (1 - negative_slope) · step(x)
            let positive = graph.step(at.inputs[0])?;
            let rest = graph.scale(positive, 1.0 - self.negative_slope)?;
            let least = graph.constant(self.negative_slope, Shape::scalar())?;
            graph.add(rest, least)?
        };
        Ok(vec![InputGradient::Rule(graph.mul(at.gradient, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| if x > 0.0 { x } else { self.negative_slope * x })
    }

    fn cases() -> Vec<Case> {
        unary_cases(LeakyRelu { negative_slope: 0.3 }, Fill::NonZero)
    }
}

impl Graph {
    /// `y = x if x > 0, else negative_slope · x`.
    ///
    /// # Errors
    /// If `x` is not a float tensor, or the slope is not finite.
    pub fn leaky_relu(&mut self, x: NodeId, negative_slope: f64) -> Result<NodeId, GraphError> {
        self.push(LeakyRelu { negative_slope }, &[x])
    }
}
