//! The gradient of a recurrent layer with respect to its input or its first state.
//!
//! Steps run in the opposite order; each turns the gradient of the state after it into `dz` and the gradient of the state
//! before it. A masked step hands the state's gradient on, with `dz = 0`.
//!
//! Shapes: tape `[B, T, V·H]`, kernel `U [H, G·H]`, the gradient of the layer's result, then mask `[B, T]`, `h [B, H]` and
//! `c [B, H]` as far as they are given → `dz [B, T, G·H]`, or `[B, H]` for a state.
//! Gradient: none; recurrent layers have first derivatives only.

use serde::{Deserialize, Serialize};

use super::recurrence::{Gradients, Recurrence, Size, Upstream};
use super::recurrent::float_shapes;
use super::recurrent_tape::stops;
use super::{Cell, RecurrentResult};
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of a recurrent layer with respect to its input or its first state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct RecurrentGrad {
    /// The cell and how it runs.
    pub recurrence: Recurrence,
    /// The result whose gradient is given.
    pub result: RecurrentResult,
    /// With respect to what.
    pub target: Target,
}

/// What a recurrent layer's gradient is taken of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// z
    Input,
    /// The first h.
    Hidden,
    /// The first c.
    Cell,
}

impl Operator for RecurrentGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let cell = self.recurrence.cell;
        let shapes = float_shapes(inputs, 3 + self.recurrence.given())?;
        let size = Size::of("the tape", &shapes[0], cell.tape())?;
        size.expect("the recurrent kernel", &shapes[1], size.kernel(cell))?;
        size.expect("the gradient", &shapes[2], self.result.shape(&size))?;
        self.recurrence.expect(&shapes, 3, &size)?;
        Ok(TensorType::f32(match self.target {
            Target::Input => size.sequence(cell.gates()),
            Target::Hidden | Target::Cell => Shape(vec![size.batch, Dim::Fixed(size.units)]),
        }))
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(stops(at))
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let given = self.recurrence.split(inputs);
        let of = |yes: bool| yes.then(|| inputs[2]);
        let upstream = Upstream {
            each: of(self.result.is_sequence()),
            in_order_of_steps: self.result == RecurrentResult::Steps,
            h: of(self.result == RecurrentResult::Last),
            c: of(self.result == RecurrentResult::LastCell),
        };
        let Gradients { z, h, c } = self.recurrence.backward(inputs[0], inputs[1], &upstream, &given);
        match self.target {
            Target::Input => z,
            Target::Hidden => h,
            Target::Cell => c,
        }
    }

    fn cases() -> Vec<Case> {
        let fixed = |cell: Cell, steps, units| {
            let tape = (Shape::batched(&[steps, cell.tape() * units]), Fill::Normal);
            let kernel = (Shape::fixed(&[units, cell.gates() * units]), Fill::Normal);
            vec![tape, kernel, (Shape::batched(&[steps, units]), Fill::Normal)]
        };
        let cases = |target| {
            let op = move |recurrence| RecurrentGrad { recurrence, result: RecurrentResult::Sequence, target };
            Recurrence::examples(op, fixed)
        };
        [Target::Input, Target::Hidden].into_iter().flat_map(cases).collect()
    }
}
