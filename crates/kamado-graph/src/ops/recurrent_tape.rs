//! What a recurrent layer's backward pass needs of its forward pass.
//!
//! For each step the gates after their activations and the state, the vectors that [`super::Cell::tape`] lists.
//!
//! Shapes: the operands of [`super::Recurrent`] → `[B, T, V·H]` with V vectors for each step. Of a masked step only the
//! state is kept, the rest is zero.
//! Gradient: none; the gradient of the layer itself goes through [`super::RecurrentGrad`].

use serde::{Deserialize, Serialize};

use super::recurrence::Recurrence;
use super::recurrent::{example, extents};
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// What a recurrent layer's backward pass needs of its forward pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct RecurrentTape {
    /// The cell and how it runs.
    pub recurrence: Recurrence,
}

/// Why the backward pass cannot be differentiated again.
pub(super) const FIRST_ORDER: &str = "recurrent layers have first derivatives only";

/// The same answer for every input.
pub(super) fn stops(at: &At<'_>) -> Vec<InputGradient> {
    at.inputs.iter().map(|_| InputGradient::Stops { why: FIRST_ORDER }).collect()
}

impl Operator for RecurrentTape {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let size = extents(&self.recurrence, inputs)?;
        Ok(TensorType::f32(size.sequence(self.recurrence.cell.tape())))
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(stops(at))
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        self.recurrence.tape(inputs)
    }

    fn cases() -> Vec<Case> {
        Recurrence::examples(|recurrence| RecurrentTape { recurrence }, example)
    }
}
