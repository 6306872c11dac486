//! The value of a variable from before the step.
//!
//! Any shape without a batch size. Gradient: none is needed, since nothing comes before it; its own gradient can be asked
//! for like that of any node.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, VariableId};
use crate::op::{At, Case, Context, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Reads a variable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Variable {
    /// Which one.
    pub id: VariableId,
    /// Its extents, repeated here so that shapes follow from nodes alone.
    pub shape: Vec<usize>,
}

impl Operator for Variable {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [] = expect_floats(inputs)?;
        Ok(TensorType::f32(Shape::fixed(&self.shape)))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(Vec::new())
    }

    /// # Panics
    /// Always: the interpreter takes the value from its variables.
    fn reference(&self, _: &[&Tensor], _: &Context<'_>) -> Tensor {
        panic!("variable {:?} has no value", self.id)
    }

    /// The tests of training steps read variables.
    fn cases() -> Vec<Case> {
        Vec::new()
    }
}
