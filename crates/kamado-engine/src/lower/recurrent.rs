//! Recurrent layers: a pass over a sequence with all its results, and the gradient of the kernel.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_graph::ops::{Cell as CellOp, Given, Recurrence, RecurrentResult, Target};
use kamado_kernels::recurrent::{
    BackwardOperands, BackwardResults, Cell, ForwardOperands, ForwardResults, RecurrentShape, backward,
    backward_scratch, forward, forward_scratch, inner_grad, kernel_grad, kernel_grad_scratch,
};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

/// Operands that may be missing: their places, empty if so, and which are there.
#[derive(Clone, Copy)]
struct Optional<const N: usize>([Option<Place>; N]);

impl<const N: usize> Optional<N> {
    fn places(&self) -> [Place; N] {
        self.0.map(|place| place.unwrap_or(Place::EMPTY))
    }

    fn pick<'m>(&self, slices: [&'m [f32]; N]) -> [Option<&'m [f32]>; N] {
        std::array::from_fn(|i| self.0[i].map(|_| slices[i]))
    }

    fn pick_mut<'m>(&self, slices: [&'m mut [f32]; N]) -> [Option<&'m mut [f32]>; N] {
        let mut present = self.0.iter().map(Option::is_some);
        slices.map(|slice| present.next().unwrap_or(false).then_some(slice))
    }
}

struct Forward {
    shape: RecurrentShape,
    z: Place,
    kernel: Place,
    /// The inner bias, mask, h and c.
    given: Optional<4>,
    /// The sequence by time and by steps, the last h and c, the tape.
    results: Optional<5>,
    threads: usize,
}

struct Backward {
    shape: RecurrentShape,
    tape: Place,
    kernel: Place,
    /// Mask, h and c.
    given: Optional<3>,
    /// The gradients of the sequence by time and by steps, of the last h and c.
    upstream: Optional<4>,
    /// The gradients of z, h and c.
    results: Optional<3>,
    threads: usize,
}

struct KernelGrad {
    shape: RecurrentShape,
    tape: Place,
    d: Place,
    h: Optional<1>,
    du: Place,
    threads: usize,
}

struct InnerGrad {
    shape: RecurrentShape,
    tape: Place,
    dz: Place,
    out: Place,
}

fn shape(recurrence: &Recurrence, sequence: &[usize], vectors: usize) -> RecurrentShape {
    let cell = match recurrence.cell {
        CellOp::Lstm => Cell::Lstm,
        CellOp::Gru { reset_after: true } => Cell::GruResetAfter,
        CellOp::Gru { reset_after: false } => Cell::GruResetBefore,
        CellOp::Simple { relu: true } => Cell::Relu,
        CellOp::Simple { relu: false } => Cell::Tanh,
    };
    RecurrentShape {
        cell,
        batch: sequence[0],
        steps: sequence[1],
        units: sequence[2] / vectors,
        go_backwards: recurrence.go_backwards,
    }
}

/// The kernel of a pass over a sequence whose results are `members`.
///
/// # Panics
/// If they are other operators.
pub(super) fn lower(members: &[NodeId], at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(members[0]);
    match &node.op {
        Op::Recurrent(op) => forward_pass(&op.recurrence, &node.inputs, members, at),
        Op::RecurrentTape(op) => forward_pass(&op.recurrence, &node.inputs, members, at),
        Op::RecurrentGrad(_) => backward_pass(members, at),
        op => unreachable!("{} is no pass over a sequence", op.name()),
    }
}

fn forward_pass(recurrence: &Recurrence, inputs: &[NodeId], members: &[NodeId], at: &Lower<'_>) -> Box<dyn Kernel> {
    let place = |id: Option<NodeId>| id.map(|id| at.place(id));
    let Given { mask, h, c } = recurrence.split(inputs);
    let bias = recurrence.cell.has_inner_bias().then(|| inputs[2]);
    let mut results = [None; 5];
    for &member in members {
        let index = match &at.graph.node(member).op {
            Op::Recurrent(op) => match op.result {
                RecurrentResult::Sequence => 0,
                RecurrentResult::Steps => 1,
                RecurrentResult::Last => 2,
                RecurrentResult::LastCell => 3,
            },
            _ => 4,
        };
        results[index] = Some(at.place(member));
    }
    Box::new(Forward {
        shape: shape(recurrence, &at.dims(inputs[0]), recurrence.cell.gates()),
        z: at.place(inputs[0]),
        kernel: at.place(inputs[1]),
        given: Optional([bias, mask, h, c].map(place)),
        results: Optional(results),
        threads: at.threads,
    })
}

fn backward_pass(members: &[NodeId], at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(members[0]);
    let Op::RecurrentGrad(first) = &node.op else { unreachable!("a gradient") };
    let place = |id: Option<NodeId>| id.map(|id| at.place(id));
    let Given { mask, h, c } = first.recurrence.split(&node.inputs);
    let [tape, kernel, upstream] = [0, 1, 2].map(|i| node.inputs[i]);
    let of = |result| (first.result == result).then(|| at.place(upstream));
    let mut results = [None; 3];
    for &member in members {
        let Op::RecurrentGrad(op) = &at.graph.node(member).op else { unreachable!("a gradient") };
        let index = match op.target {
            Target::Input => 0,
            Target::Hidden => 1,
            Target::Cell => 2,
        };
        results[index] = Some(at.place(member));
    }
    use RecurrentResult::{Last, LastCell, Sequence, Steps};
    Box::new(Backward {
        shape: shape(&first.recurrence, &at.dims(tape), first.recurrence.cell.tape()),
        tape: at.place(tape),
        kernel: at.place(kernel),
        given: Optional([mask, h, c].map(place)),
        upstream: Optional([Sequence, Steps, Last, LastCell].map(of)),
        results: Optional(results),
        threads: at.threads,
    })
}

/// The kernel of a recurrent kernel's gradient, or of the gradient within the recurrent product.
///
/// # Panics
/// If the node is another operator.
pub(super) fn lower_gradient(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let (tape, d) = (node.inputs[0], node.inputs[1]);
    match &node.op {
        Op::RecurrentKernelGrad(op) => Box::new(KernelGrad {
            shape: shape(&op.recurrence, &at.dims(tape), op.recurrence.cell.tape()),
            tape: at.place(tape),
            d: at.place(d),
            h: Optional([node.inputs.get(2).map(|&id| at.place(id))]),
            du: at.place(root),
            threads: at.threads,
        }),
        Op::RecurrentInnerGrad(_) => {
            let cell = CellOp::Gru { reset_after: true };
            let shape = shape(&Recurrence::new(cell), &at.dims(tape), cell.tape());
            Box::new(InnerGrad { shape, tape: at.place(tape), dz: at.place(d), out: at.place(root) })
        }
        op => unreachable!("{} is no gradient of a recurrent layer", op.name()),
    }
}

impl Kernel for Forward {
    fn scratch(&self) -> usize {
        forward_scratch(&self.shape, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let [bias, mask, h, c] = self.given.places();
        let [sequence, steps, last, last_cell, tape] = self.results.places();
        let ([z, kernel, bias, mask, h, c], [sequence, steps, last, last_cell, tape, scratch]) =
            memory.view([self.z, self.kernel, bias, mask, h, c], [sequence, steps, last, last_cell, tape, at.scratch]);
        let [bias, mask, h, c] = self.given.pick([bias, mask, h, c]);
        let [sequence, steps, last, last_cell, tape] = self.results.pick_mut([sequence, steps, last, last_cell, tape]);
        let operands = ForwardOperands { z, kernel, bias, mask, h, c };
        let results = ForwardResults { sequence, steps, last, last_cell, tape };
        forward(at.exec, &self.shape, &operands, results, scratch);
        Ok(())
    }
}

impl Kernel for Backward {
    fn scratch(&self) -> usize {
        backward_scratch(&self.shape, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([mask, h, c], [sequence, steps, last, cell]) = (self.given.places(), self.upstream.places());
        let [dz, dh, dc] = self.results.places();
        let ([tape, kernel, mask, h, c, sequence, steps, last, cell], [dz, dh, dc, scratch]) =
            memory.view([self.tape, self.kernel, mask, h, c, sequence, steps, last, cell], [dz, dh, dc, at.scratch]);
        let [mask, h, c] = self.given.pick([mask, h, c]);
        let [sequence, steps, last, last_cell] = self.upstream.pick([sequence, steps, last, cell]);
        let operands = BackwardOperands { tape, kernel, mask, h, c, sequence, steps, last, last_cell };
        let [z, h, c] = self.results.pick_mut([dz, dh, dc]);
        backward(at.exec, &self.shape, &operands, BackwardResults { z, h, c }, scratch);
        Ok(())
    }
}

impl Kernel for KernelGrad {
    fn scratch(&self) -> usize {
        kernel_grad_scratch(&self.shape, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let [h] = self.h.places();
        let ([tape, d, h], [du, scratch]) = memory.view([self.tape, self.d, h], [self.du, at.scratch]);
        let [h] = self.h.pick([h]);
        kernel_grad(at.exec, &self.shape, tape, d, h, du, scratch);
        Ok(())
    }
}

impl Kernel for InnerGrad {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([tape, dz], [out]) = memory.view([self.tape, self.dz], [self.out]);
        inner_grad(at.exec, &self.shape, tape, dz, out);
        Ok(())
    }
}
