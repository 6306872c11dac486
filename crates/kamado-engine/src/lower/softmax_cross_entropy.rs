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
    ignored: Option<i32>,
    loss: Place,
}

struct Gradient {
    logits: Place,
    labels: usize,
    upstream: Place,
    classes: usize,
    ignored: Option<i32>,
    gradient: Place,
}

/// The kernel of a softmax cross-entropy node or its gradient.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let (logits, labels) = (at.place(node.inputs[0]), at.feed(node.inputs[1]));
    let classes = at.dims(node.inputs[0]).last().copied().unwrap_or(1);
    match &node.op {
        Op::SoftmaxCrossEntropy(op) => {
            Box::new(Loss { logits, labels, classes, ignored: op.ignored, loss: at.place(root) })
        }
        Op::SoftmaxCrossEntropyGrad(op) => {
            let (upstream, gradient) = (at.place(node.inputs[2]), at.place(root));
            Box::new(Gradient { logits, labels, upstream, classes, ignored: op.ignored, gradient })
        }
        op => unreachable!("{} is no softmax cross-entropy", op.name()),
    }
}

pub(super) fn label_error(error: LabelOutOfRange) -> EngineError {
    EngineError::Label { row: error.row, label: error.label, classes: error.classes }
}

impl Kernel for Loss {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let labels = memory.integers(self.labels);
        let ([logits], [loss]) = memory.view([self.logits], [self.loss]);
        softmax_cross_entropy(at.exec, logits, labels, self.classes, self.ignored, loss).map_err(label_error)
    }
}

impl Kernel for Gradient {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let labels = memory.integers(self.labels);
        let ([logits, upstream], [gradient]) = memory.view([self.logits, self.upstream], [self.gradient]);
        softmax_cross_entropy_gradient(at.exec, logits, labels, upstream, self.classes, self.ignored, gradient)
            .map_err(label_error)
    }
}
