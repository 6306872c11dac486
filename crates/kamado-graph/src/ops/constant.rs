//! A tensor with the same value everywhere.
//!
//! Any shape. Gradient: none, since it has no inputs.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// `value` in every element of `shape`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Constant {
    /// The value.
    pub value: f64,
    /// The shape.
    pub shape: Shape,
}

impl Operator for Constant {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [] = expect_floats(inputs)?;
        if !self.value.is_finite() {
            return Err(ShapeError::new(format!("the value must be finite, got {}", self.value)));
        }
        Ok(TensorType::f32(self.shape.clone()))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(Vec::new())
    }

    fn reference(&self, _: &[&Tensor], context: &Context<'_>) -> Tensor {
        Tensor::full(self.shape.at(context.batch), self.value)
    }

    fn cases() -> Vec<Case> {
        let shapes = [Shape::scalar(), Shape::fixed(&[0]), Shape::batched(&[5]), Shape::fixed(&[17])];
        shapes.map(|shape| Case::new(Constant { value: -1.25, shape }, [])).into()
    }
}
