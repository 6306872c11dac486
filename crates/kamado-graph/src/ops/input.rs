//! A tensor that is fed from outside.
//!
//! Any type and shape. Gradient: none is needed, since nothing comes before it; its own gradient can be asked for like
//! that of any node.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, InputGradient, Operator, expect_floats};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// A tensor that is fed from outside, under this name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Input {
    /// The name, unique in the graph.
    pub name: String,
    /// The type of what is fed.
    pub ty: TensorType,
}

impl Operator for Input {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [] = expect_floats(inputs)?;
        Ok(self.ty.clone())
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(Vec::new())
    }

    /// # Panics
    /// Always: the interpreter takes the value from its feeds.
    fn reference(&self, _: &[&Tensor], _: &Context<'_>) -> Tensor {
        panic!("input {:?} was not fed", self.name)
    }

    /// Every case of every other operator begins with inputs.
    fn cases() -> Vec<Case> {
        Vec::new()
    }
}
