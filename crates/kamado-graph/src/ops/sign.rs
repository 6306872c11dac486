//! Sign.
//!
//! `y = 1 where x > 0, -1 where x < 0, else 0`, elementwise; any shape. Gradient: zero wherever it exists.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Sign: `y = 1 where x > 0, -1 where x < 0, else 0`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sign;

impl Operator for Sign {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Zero { why: "the sign is piecewise constant" }])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x * 0.0
            }
        })
    }

    fn cases() -> Vec<Case> {
        unary_cases(Sign, Fill::NonZero)
    }
}

impl Graph {
    /// `y = 1 where x > 0, -1 where x < 0, else 0`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn sign(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Sign, &[x])
    }
}
