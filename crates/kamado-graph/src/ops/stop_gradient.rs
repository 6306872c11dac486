//! A value that counts as constant.
//!
//! `y = x`, elementwise; any shape. Gradient: none passes, although `y` changes with `x`.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// `y = x`, which counts as constant in gradients.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StopGradient;

impl Operator for StopGradient {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Constant { why: "the gradient is stopped here on purpose" }])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].clone()
    }

    fn cases() -> Vec<Case> {
        unary_cases(StopGradient, Fill::Normal)
    }
}

impl Graph {
    /// `x`, which counts as constant in gradients.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn stop_gradient(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(StopGradient, &[x])
    }
}
