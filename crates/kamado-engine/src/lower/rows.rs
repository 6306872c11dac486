//! Slices, concatenations and padding.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_graph::ops::Pad;
use kamado_kernels::rows::{Part, concatenate, pad, slice};

use super::{At, Kernel, Lower};
use crate::arena::{MAX_READS, Memory, Place};
use crate::error::EngineError;

struct Slice {
    /// The lengths of a row and of the part that is taken, and where that begins.
    stride: usize,
    width: usize,
    first: usize,
    x: Place,
    y: Place,
}

struct Concatenate {
    /// Each input with the length of its part of a row.
    inputs: Vec<(Place, usize)>,
    stride: usize,
    y: Place,
}

struct Padding {
    shape: Vec<usize>,
    widths: Pad,
    x: Place,
    y: Place,
}

/// The kernel of a slice, concatenation or pad node.
///
/// # Panics
/// If the node is another operator.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let y = at.place(root);
    // How many floats belong to one step along an axis.
    let along = |id: NodeId, axis: usize| at.dims(id)[axis..].iter().product::<usize>();
    match &node.op {
        Op::Slice(op) => {
            let x = node.inputs[0];
            let inner = along(x, op.axis + 1);
            let (stride, width, first) = (along(x, op.axis), op.len * inner, op.start * inner);
            Box::new(Slice { stride, width, first, x: at.place(x), y })
        }
        Op::Concatenate(op) => {
            let inputs = node.inputs.iter().map(|&x| (at.place(x), along(x, op.axis))).collect();
            Box::new(Concatenate { inputs, stride: along(root, op.axis), y })
        }
        Op::Pad(op) => {
            let x = node.inputs[0];
            Box::new(Padding { shape: at.dims(x), widths: op.clone(), x: at.place(x), y })
        }
        op => unreachable!("{} moves no rows", op.name()),
    }
}

impl Kernel for Slice {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([x], [y]) = memory.view([self.x], [self.y]);
        slice(at.exec, x, self.stride, self.first, self.width, y);
        Ok(())
    }
}

impl Kernel for Concatenate {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let mut first = 0;
        for inputs in self.inputs.chunks(MAX_READS) {
            let mut places = [Place::EMPTY; MAX_READS];
            places.iter_mut().zip(inputs).for_each(|(place, input)| *place = input.0);
            let (data, [y]) = memory.view(places, [self.y]);
            let mut parts = [Part::default(); MAX_READS];
            for ((part, &(_, width)), data) in parts.iter_mut().zip(inputs).zip(data) {
                *part = Part { data, width };
            }
            concatenate(at.exec, &parts[..inputs.len()], first, self.stride, y);
            first += inputs.iter().map(|(_, width)| width).sum::<usize>();
        }
        Ok(())
    }
}

impl Kernel for Padding {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([x], [y]) = memory.view([self.x], [self.y]);
        pad(at.exec, x, &self.shape, &self.widths.before, &self.widths.after, y);
        Ok(())
    }
}
