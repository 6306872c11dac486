//! Gaussian error linear unit.
//!
//! `y = x · Φ(x)`, elementwise; any shape. Gradient: `dx = dy · gelu_slope(x)`.
//!
//! `Φ(x) = (1 + erf(x/√2)) / 2` is the distribution function of the standard normal distribution. With `approximate`,
//! `y = x · (1 + tanh u) / 2` with `u = √(2/π) · (x + 0.044715 x³)`.
//! The gradient is one more function of `x` alone, so nothing is kept for it.
//! Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.

use serde::{Deserialize, Serialize};

use super::elementwise::{normal_distribution, tanh_gate, unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Gaussian error linear unit: `y = x · Φ(x)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gelu {
    /// Whether the form with tanh is meant.
    pub approximate: bool,
}

impl Operator for Gelu {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let slope = graph.gelu_slope(at.inputs[0], self.approximate)?;
        Ok(vec![InputGradient::Rule(graph.mul(at.gradient, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| if self.approximate { x * tanh_gate(x) } else { x * normal_distribution(x) })
    }

    fn cases() -> Vec<Case> {
        [false, true].into_iter().flat_map(|approximate| unary_cases(Gelu { approximate }, Fill::Normal)).collect()
    }
}

impl Graph {
    /// `y = x · Φ(x)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn gelu(&mut self, x: NodeId, approximate: bool) -> Result<NodeId, GraphError> {
        self.push(Gelu { approximate }, &[x])
    }
}
