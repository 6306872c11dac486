//! Resizing of images and its gradient.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::resize::{Terms, resize};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Resize {
    rows: Terms,
    columns: Terms,
    channels: usize,
    x: Place,
    y: Place,
}

/// The kernel of a resize node or the gradient of one.
///
/// # Panics
/// If the node is another operator.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let (op, image) = match &node.op {
        Op::Resize(op) => (op, at.dims(node.inputs[0])),
        Op::ResizeGrad(op) => (&op.resize, op.input.at(at.batch)),
        op => unreachable!("{} resizes nothing", op.name()),
    };
    let terms = |axis: usize| {
        let forward = Terms::new(image[axis + 1], &op.interpolation.weights(image[axis + 1], op.size[axis]));
        if let Op::Resize(_) = node.op { forward } else { forward.transposed() }
    };
    let (x, y) = (at.place(node.inputs[0]), at.place(root));
    Box::new(Resize { rows: terms(0), columns: terms(1), channels: image[3], x, y })
}

impl Kernel for Resize {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([x], [y]) = memory.view([self.x], [self.y]);
        resize(at.exec, &self.rows, &self.columns, self.channels, x, y);
        Ok(())
    }
}
