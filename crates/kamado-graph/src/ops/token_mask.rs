//! Which integers differ from a value.
//!
//! `y = 1` where `x ≠ value`, else 0: the mask of a padded sequence of tokens.
//!
//! Shapes: integers of any shape → floats of the same. Gradient: none, since the input is integer.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{DType, Shape, TensorType};
use crate::tensor::Tensor;

/// 1 where an integer is not `value`, else 0.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenMask {
    /// The value that gives 0.
    pub value: i32,
}

impl Operator for TokenMask {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        match inputs {
            [x] if x.dtype == DType::I32 => Ok(TensorType::f32(x.shape.clone())),
            _ => {
                let types: Vec<_> = inputs.iter().map(ToString::to_string).collect();
                Err(ShapeError::new(format!("expects one tensor of integers, got {}", types.join(", "))))
            }
        }
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Stops { why: "tokens are integers" }])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| f64::from(x != f64::from(self.value)))
    }

    fn cases() -> Vec<Case> {
        let case = |value, shape| Case::new(TokenMask { value }, [(shape, Fill::Labels(3))]);
        vec![
            case(0, Shape::batched(&[])),
            case(0, Shape::batched(&[9])),
            case(2, Shape::batched(&[2, 33])),
            case(-1, Shape::fixed(&[5])),
        ]
    }
}

impl Graph {
    /// 1 where the integers `x` differ from `value`, else 0.
    ///
    /// # Errors
    /// If `x` holds floats.
    pub fn token_mask(&mut self, x: NodeId, value: i32) -> Result<NodeId, GraphError> {
        self.push(TokenMask { value }, &[x])
    }
}
