//! A recurrent layer over a sequence.
//!
//! The formulas of the cells are in the module `recurrence`; `z = x·W + b` is computed for all steps beforehand.
//!
//! Shapes: `z [B, T, G·H]`, kernel `U [H, G·H]`, the inner bias `[G·H]` of a GRU that resets after the product, then mask
//! `[B, T]`, `h [B, H]` and `c [B, H]` as far as they are given → `[B, T, H]`, or `[B, H]` for a last state. G is 4 for an
//! LSTM, 3 for a GRU, 1 for a simple cell.
//! Gradient: `dz` by [`super::RecurrentGrad`] from a tape of the same pass, `dU` by [`super::RecurrentKernelGrad`].

use serde::{Deserialize, Serialize};

use super::recurrence::{Recurrence, Size};
use super::{RecurrentGrad, RecurrentInnerGrad, RecurrentKernelGrad, RecurrentTape, Target};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{DType, Shape, TensorType};
use crate::tensor::Tensor;

/// A recurrent layer over a sequence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Recurrent {
    /// The cell and how it runs.
    pub recurrence: Recurrence,
    /// Which result.
    pub result: RecurrentResult,
}

/// What a recurrent layer yields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecurrentResult {
    /// The h after each step, `[B, T, H]`, where the step's input is.
    Sequence,
    /// The h after each step, `[B, T, H]`, in the order in which the steps run.
    Steps,
    /// The h after the step that runs last, `[B, H]`.
    Last,
    /// The c of an LSTM after the step that runs last, `[B, H]`.
    LastCell,
}

impl RecurrentResult {
    /// Whether there is a result of every step.
    pub fn is_sequence(self) -> bool {
        matches!(self, RecurrentResult::Sequence | RecurrentResult::Steps)
    }

    /// The shape.
    pub(super) fn shape(self, size: &Size) -> Shape {
        match self.is_sequence() {
            true => size.sequence(1),
            false => Shape(vec![size.batch, crate::shape::Dim::Fixed(size.units)]),
        }
    }
}

/// Checks the operands of a recurrence and returns its extents.
pub(super) fn extents(recurrence: &Recurrence, inputs: &[&TensorType]) -> Result<Size, ShapeError> {
    let cell = recurrence.cell;
    let fixed = 2 + usize::from(cell.has_inner_bias());
    let shapes = float_shapes(inputs, fixed + recurrence.given())?;
    let size = Size::of("z", &shapes[0], cell.gates())?;
    size.expect("the recurrent kernel", &shapes[1], size.kernel(cell))?;
    if cell.has_inner_bias() {
        size.expect("the inner bias", &shapes[2], Shape::fixed(&[cell.gates() * size.units]))?;
    }
    recurrence.expect(&shapes, fixed, &size)?;
    Ok(size)
}

/// The shapes of `count` float inputs.
pub(super) fn float_shapes(inputs: &[&TensorType], count: usize) -> Result<Vec<Shape>, ShapeError> {
    let types: Vec<_> = inputs.iter().map(ToString::to_string).collect();
    if inputs.len() != count || inputs.iter().any(|t| t.dtype != DType::F32) {
        return Err(ShapeError::new(format!("expects {count} float inputs, got {}", types.join(", "))));
    }
    Ok(inputs.iter().map(|t| t.shape.clone()).collect())
}

/// Fixed operands of [`Recurrence::examples`] for what runs forward.
pub(super) fn example(cell: super::Cell, steps: usize, units: usize) -> Vec<(Shape, Fill)> {
    let width = cell.gates() * units;
    let mut inputs =
        vec![(Shape::batched(&[steps, width]), Fill::Normal), (Shape::fixed(&[units, width]), Fill::Normal)];
    if cell.has_inner_bias() {
        inputs.push((Shape::fixed(&[width]), Fill::Normal));
    }
    inputs
}

impl Operator for Recurrent {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let size = extents(&self.recurrence, inputs)?;
        if self.result == RecurrentResult::LastCell && !self.recurrence.cell.has_cell_state() {
            return Err(ShapeError::new("only an LSTM has a state c; ask for the last h"));
        }
        Ok(TensorType::f32(self.result.shape(&size)))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (recurrence, result, kernel) = (self.recurrence, self.result, at.inputs[1]);
        let given = recurrence.split(at.inputs);
        let tape = graph.recurrent_tape(recurrence, at.inputs)?;
        let operands: Vec<_> = [tape, kernel, at.gradient]
            .into_iter()
            .chain([given.mask, given.h, given.c].into_iter().flatten())
            .collect();
        let back = |graph: &mut Graph, target| graph.push(RecurrentGrad { recurrence, result, target }, &operands);
        let dz = back(graph, Target::Input)?;
        let bias = recurrence.cell.has_inner_bias();
        let inner = if bias { graph.push(RecurrentInnerGrad, &[tape, dz])? } else { dz };
        let operands: Vec<_> = [tape, inner].into_iter().chain(given.h).collect();
        let du = graph.push(RecurrentKernelGrad { recurrence }, &operands)?;
        let mut answers = vec![InputGradient::Rule(dz), InputGradient::Rule(du)];
        if bias {
            answers.push(InputGradient::Rule(graph.sum(inner, &[0, 1], false)?));
        }
        if given.mask.is_some() {
            answers.push(InputGradient::Zero { why: "a mask says which steps count" });
        }
        for (_, target) in given.h.iter().map(|h| (h, Target::Hidden)).chain(given.c.iter().map(|c| (c, Target::Cell)))
        {
            answers.push(InputGradient::Rule(back(graph, target)?));
        }
        Ok(answers)
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let tape = self.recurrence.tape(inputs);
        let (steps, units, slots) = (tape.shape[1], inputs[1].shape[0], self.recurrence.cell.tape());
        let times: Vec<_> = self.recurrence.times(steps).collect();
        let last = times[steps - 1];
        let h = (slots - 1) * units;
        Tensor::from_fn(context.output.shape.at(context.batch), |i| match self.result {
            RecurrentResult::Sequence => tape.at(&[i[0], i[1], h + i[2]]),
            RecurrentResult::Steps => tape.at(&[i[0], times[i[1]], h + i[2]]),
            RecurrentResult::Last => tape.at(&[i[0], last, h + i[1]]),
            RecurrentResult::LastCell => tape.at(&[i[0], last, h - units + i[1]]),
        })
    }

    fn cases() -> Vec<Case> {
        use RecurrentResult::{Last, LastCell, Sequence, Steps};
        let with = |result| move |recurrence| Recurrent { recurrence, result };
        let cases = [Sequence, Steps, Last].into_iter().flat_map(|r| Recurrence::examples(with(r), example));
        let cells = Recurrence::examples(with(LastCell), example);
        let lstm = |case: &Case| matches!(&case.op, crate::op::Op::Recurrent(r) if r.recurrence.cell.has_cell_state());
        cases.chain(cells.into_iter().filter(lstm)).collect()
    }
}

impl Graph {
    /// A recurrent layer; the operands are those of [`Recurrent`].
    ///
    /// # Errors
    /// If they do not fit.
    pub fn recurrent(
        &mut self,
        recurrence: Recurrence,
        result: RecurrentResult,
        operands: &[NodeId],
    ) -> Result<NodeId, GraphError> {
        self.push(Recurrent { recurrence, result }, operands)
    }

    /// The tape of a recurrent layer's operands: the one node for all its results.
    fn recurrent_tape(&mut self, recurrence: Recurrence, operands: &[NodeId]) -> Result<NodeId, GraphError> {
        let op = crate::op::Op::from(RecurrentTape { recurrence });
        match self.nodes().iter().position(|node| node.op == op && node.inputs == operands) {
            Some(index) => Ok(NodeId(index as u32)),
            None => self.push(op, operands),
        }
    }
}
