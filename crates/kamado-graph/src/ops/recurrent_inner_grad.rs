//! The gradient within the recurrent product of a GRU that resets after it.
//!
//! `[du dr dn] → [du dr r⊙dn]`: the reset gate stands between the candidate and its product with the kernel.
//!
//! Shapes: tape `[B, T, 5·H]`, `dz [B, T, 3·H]` → `[B, T, 3·H]`.
//! Gradient: none; recurrent layers have first derivatives only.

use serde::{Deserialize, Serialize};

use super::Cell;
use super::recurrence::Size;
use super::recurrent_tape::stops;
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient within the recurrent product of a GRU that resets after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecurrentInnerGrad;

const CELL: Cell = Cell::Gru { reset_after: true };

impl Operator for RecurrentInnerGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [tape, dz] = expect_floats(inputs)?;
        let size = Size::of("the tape", &tape, CELL.tape())?;
        size.expect("the gradient", &dz, size.sequence(CELL.gates()))?;
        Ok(TensorType::f32(dz))
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(stops(at))
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let (tape, dz) = (inputs[0], inputs[1]);
        let units = dz.shape[2] / CELL.gates();
        Tensor::from_fn(dz.shape.clone(), |i| {
            let reset = if i[2] < 2 * units { 1.0 } else { tape.at(&[i[0], i[1], i[2] - units]) };
            reset * dz.at(i)
        })
    }

    fn cases() -> Vec<Case> {
        let case = |steps, units| {
            let sequence = |vectors: usize| (Shape::batched(&[steps, vectors * units]), Fill::Normal);
            Case::new(RecurrentInnerGrad, [sequence(CELL.tape()), sequence(CELL.gates())])
        };
        vec![case(1, 1), case(4, 5), case(3, 16)]
    }
}
