//! Softmax cross-entropy with integer labels, and its gradient.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::cross_entropy::{LabelOutOfRange, softmax_cross_entropy, softmax_cross_entropy_gradient};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Loss {
    logits: Place,
    labels: usize,
    classes: usize,
    loss: Place,
}

struct Gradient {
    logits: Place,
    labels: usize,
    upstream: Place,
    classes: usize,
    gradient: Place,
}

/// The kernel of a softmax cross-entropy node or its gradient.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let (logits, labels) = (at.place(node.inputs[0]), at.feed(node.inputs[1]));
    let classes = at.dims(node.inputs[0]).last().copied().unwrap_or(1);
    match node.op {
        Op::SoftmaxCrossEntropy(_) => Box::new(Loss { logits, labels, classes, loss: at.place(root) }),
        _ => {
            Box::new(Gradient { logits, labels, upstream: at.place(node.inputs[2]), classes, gradient: at.place(root) })
        }
    }
}

fn label_error(error: LabelOutOfRange) -> EngineError {
    EngineError::Label { row: error.row, label: error.label, classes: error.classes }
}

impl Kernel for Loss {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let labels = memory.integers(self.labels);
        let ([logits], [loss]) = memory.view([self.logits], [self.loss]);
        softmax_cross_entropy(at.exec, logits, labels, self.classes, loss).map_err(label_error)
    }
}

impl Kernel for Gradient {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let labels = memory.integers(self.labels);
        let ([logits, upstream], [gradient]) = memory.view([self.logits, self.upstream], [self.gradient]);
        softmax_cross_entropy_gradient(at.exec, logits, labels, upstream, self.classes, gradient).map_err(label_error)
    }
}
