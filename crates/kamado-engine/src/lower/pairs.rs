//! What the indices of an example say of each other, and of values that belong to rows.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::gather::{pick_rows, same_rows};

use super::gather::Indices;
use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct SameRows {
    examples: usize,
    first: Indices,
    second: Indices,
    y: Place,
}

struct PickRows {
    examples: usize,
    x: Place,
    indices: Indices,
    y: Place,
}

/// The kernel of such a node.
///
/// # Panics
/// If the node is another operator.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let (examples, y) = (at.batch, at.place(root));
    match &node.op {
        Op::SameRows(op) => {
            let [first, second] = [0, 1].map(|i| Indices::new(node.inputs[i], &op.gather, op.table_rows, root, at));
            Box::new(SameRows { examples, first, second, y })
        }
        Op::PickRows(op) => {
            let (x, rows) = (at.place(node.inputs[0]), at.dims(node.inputs[0])[2]);
            Box::new(PickRows { examples, x, indices: Indices::new(node.inputs[1], &op.gather, rows, root, at), y })
        }
        op => unreachable!("{} does not pair indices", op.name()),
    }
}

impl Kernel for SameRows {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let (first, second) = (memory.integers(self.first.feed), memory.integers(self.second.feed));
        let ([], [y]) = memory.view([], [self.y]);
        same_rows(at.exec, &self.first.by, self.examples, first, second, y).map_err(|e| self.first.error(e))
    }
}

impl Kernel for PickRows {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let indices = memory.integers(self.indices.feed);
        let ([x], [y]) = memory.view([self.x], [self.y]);
        pick_rows(at.exec, x, &self.indices.by, self.examples, indices, y).map_err(|e| self.indices.error(e))
    }
}
