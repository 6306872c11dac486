//! Softmax and its logarithm over the last axis.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::softmax::{log_softmax, softmax};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Softmax {
    logarithm: bool,
    classes: usize,
    x: Place,
    y: Place,
}

/// The kernel of a softmax or log-softmax node.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    Box::new(Softmax {
        logarithm: matches!(node.op, Op::LogSoftmax(_)),
        classes: at.dims(root).last().copied().unwrap_or(1),
        x: at.place(node.inputs[0]),
        y: at.place(root),
    })
}

impl Kernel for Softmax {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([x], [y]) = memory.view([self.x], [self.y]);
        let kernel = if self.logarithm { log_softmax } else { softmax };
        kernel(at.exec, x, self.classes, y);
        Ok(())
    }
}
