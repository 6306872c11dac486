//! The gradient of a recurrent layer's kernel.
//!
//! `dU = Σ hᵀ · d` over all examples and steps, where h is the state before the step; for the candidate of a GRU that
//! resets before the product, `r⊙h`.
//!
//! Shapes: tape `[B, T, V·H]`, the gradient `d [B, T, G·H]` within the recurrent product, and the first `h [B, H]` if it is
//! given → `[H, G·H]`.
//! Gradient: none; recurrent layers have first derivatives only.

use serde::{Deserialize, Serialize};

use super::Cell;
use super::recurrence::{Recurrence, Size};
use super::recurrent::float_shapes;
use super::recurrent_tape::stops;
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of a recurrent layer's kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct RecurrentKernelGrad {
    /// The cell and how it runs.
    pub recurrence: Recurrence,
}

impl Operator for RecurrentKernelGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let Recurrence { cell, initial, .. } = self.recurrence;
        let shapes = float_shapes(inputs, 2 + usize::from(initial))?;
        let size = Size::of("the tape", &shapes[0], cell.tape())?;
        size.expect("the gradient", &shapes[1], size.sequence(cell.gates()))?;
        if let Some(h) = shapes.get(2) {
            size.expect("the state h", h, Shape(vec![size.batch, Dim::Fixed(size.units)]))?;
        }
        Ok(TensorType::f32(size.kernel(cell)))
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(stops(at))
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (h, kept) = self.recurrence.before(inputs[0], inputs.get(2).copied());
        let (d, units) = (inputs[1], h.shape[2]);
        let rows = h.shape[0] * h.shape[1];
        let early = self.recurrence.cell == Cell::Gru { reset_after: false };
        Tensor::from_fn(context.output.shape.at(context.batch), |index| {
            let left = if early && index[1] >= 2 * units { &kept } else { &h };
            let term = |row: usize| left.data[row * units + index[0]] * d.data[row * d.shape[2] + index[1]];
            (0..rows).map(term).sum()
        })
    }

    fn cases() -> Vec<Case> {
        let fixed = |cell: Cell, steps, units| {
            let sequence = |vectors: usize| (Shape::batched(&[steps, vectors * units]), Fill::Normal);
            vec![sequence(cell.tape()), sequence(cell.gates())]
        };
        let mut cases = Recurrence::examples(|recurrence| RecurrentKernelGrad { recurrence }, fixed);
        // Neither the mask nor c is an operand here.
        for case in &mut cases {
            let crate::op::Op::RecurrentKernelGrad(op) = &case.op else { continue };
            let first = 2 + usize::from(op.recurrence.masked);
            let h = op.recurrence.initial.then(|| case.inputs[first].clone());
            case.inputs.truncate(2);
            case.inputs.extend(h);
        }
        cases
    }
}
