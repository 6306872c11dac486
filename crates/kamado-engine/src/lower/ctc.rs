//! Connectionist temporal classification, and its gradient.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::ctc::{BadLabel, Batch, Sizes, ctc, ctc_gradient};

use super::softmax_cross_entropy::label_error;
use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Ctc {
    sizes: Sizes,
    batch: usize,
    logits: Place,
    labels: usize,
    mask: Place,
    /// The upstream gradient, if the gradient is wanted.
    upstream: Option<Place>,
    result: Place,
}

/// The kernel of a node of this loss or its gradient.
///
/// # Panics
/// If the node is another.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let (blank, zero_infinity, gradient) = match &node.op {
        Op::Ctc(op) => (op.blank, op.zero_infinity, false),
        Op::CtcGrad(op) => (op.blank, op.zero_infinity, true),
        op => unreachable!("{} is not this loss", op.name()),
    };
    let (logits, labels) = (at.dims(node.inputs[0]), at.dims(node.inputs[1]));
    let mask = node.inputs.get(2 + usize::from(gradient));
    Box::new(Ctc {
        sizes: Sizes { steps: logits[1], classes: logits[2], labels: labels[1], blank, zero_infinity },
        batch: logits[0],
        logits: at.place(node.inputs[0]),
        labels: at.feed(node.inputs[1]),
        mask: mask.map_or(Place::EMPTY, |&mask| at.place(mask)),
        upstream: gradient.then(|| at.place(node.inputs[2])),
        result: at.place(root),
    })
}

impl Kernel for Ctc {
    fn scratch(&self) -> usize {
        match self.upstream {
            Some(_) => self.sizes.scratch_of_gradient(self.batch),
            None => self.sizes.scratch(self.batch),
        }
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let labels = memory.integers(self.labels);
        let reads = [self.logits, self.mask, self.upstream.unwrap_or(Place::EMPTY)];
        let ([logits, mask, upstream], [result, scratch]) = memory.view(reads, [self.result, at.scratch]);
        let batch = Batch { logits, labels, mask };
        let done = match self.upstream {
            Some(_) => ctc_gradient(at.exec, &self.sizes, &batch, upstream, result, scratch),
            None => ctc(at.exec, &self.sizes, &batch, result, scratch),
        };
        done.map_err(|bad| match bad {
            BadLabel::OutOfRange(error) => label_error(error),
            BadLabel::Blank { row, label } => EngineError::Blank { row, label },
        })
    }
}
