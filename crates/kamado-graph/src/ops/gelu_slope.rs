//! Derivative of the Gaussian error linear unit.
//!
//! `y = Φ(x) + x · e^(-x²/2) / √(2π)`, elementwise; any shape. Gradient: `none; its own derivative is not defined here`.
//!
//! With `approximate`, `y = g + x · g · (1 - g) · 2u'` with `g = (1 + tanh u) / 2` and `u = √(2/π) · (x + 0.044715 x³)`.

use std::f64::consts::{PI, TAU};

use serde::{Deserialize, Serialize};

use super::elementwise::{normal_distribution, tanh_gate, unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Derivative of the Gaussian error linear unit: `y = Φ(x) + x · e^(-x²/2) / √(2π)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GeluSlope {
    /// Whether the form with tanh is meant.
    pub approximate: bool,
}

impl Operator for GeluSlope {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Stops { why: "second derivatives of GELU are not implemented" }])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| {
            if self.approximate {
                let gate = tanh_gate(x);
                gate + x * gate * (1.0 - gate) * 2.0 * (2.0 / PI).sqrt() * (1.0 + 3.0 * 0.044_715 * x * x)
            } else {
                normal_distribution(x) + x * (-0.5 * x * x).exp() / TAU.sqrt()
            }
        })
    }

    fn cases() -> Vec<Case> {
        [false, true].into_iter().flat_map(|approximate| unary_cases(GeluSlope { approximate }, Fill::Normal)).collect()
    }
}

impl Graph {
    /// `y = Φ(x) + x · e^(-x²/2) / √(2π)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn gelu_slope(&mut self, x: NodeId, approximate: bool) -> Result<NodeId, GraphError> {
        self.push(GeluSlope { approximate }, &[x])
    }
}
