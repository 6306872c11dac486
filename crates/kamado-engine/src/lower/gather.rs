//! Rows of a table by their indices, the gradient of the table, and masks of tokens.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_graph::ops::Gather;
use kamado_kernels::gather::{
    Addressing, IndexOutOfRange, gather, gather_gradient, gather_gradient_scratch, token_mask,
};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

/// Indices that are fed, and how they address a table.
pub(super) struct Indices {
    pub(super) feed: usize,
    pub(super) len: usize,
    pub(super) by: Addressing,
    /// For errors: the name of the input, the layer, and the indices of an example.
    input: String,
    scope: String,
    per_example: usize,
}

struct Rows {
    indices: Indices,
    table: Place,
    width: usize,
    y: Place,
}

struct Gradient {
    indices: Indices,
    dy: Place,
    width: usize,
    y: Place,
}

struct Mask {
    feed: usize,
    value: i32,
    y: Place,
}

impl Indices {
    /// The indices `id` of the node `root`, which looks up rows of a table or is the gradient of that.
    pub(super) fn new(id: NodeId, op: &Gather, table_rows: usize, root: NodeId, at: &Lower<'_>) -> Self {
        let dims = at.dims(id);
        let by = match (op.rows.is_empty(), dims.last()) {
            (false, Some(&columns)) => Addressing::by_column(columns, op.first_column, &op.rows),
            _ => Addressing::whole(table_rows),
        };
        let input = match &at.graph.node(id).op {
            Op::Input(input) => input.name.clone(),
            _ => String::new(),
        };
        let scope = at.graph.node(root).scope.clone();
        let (len, per_example) = (dims.iter().product(), dims.iter().skip(1).product());
        Indices { feed: at.feed(id), len, by, input, scope, per_example }
    }

    pub(super) fn error(&self, IndexOutOfRange { position, index, rows }: IndexOutOfRange) -> EngineError {
        let (row, position) = (position / self.per_example, position % self.per_example);
        EngineError::Index { scope: self.scope.clone(), input: self.input.clone(), row, position, index, rows }
    }
}

/// The kernel of a gather node or its gradient, or of a mask of tokens.
///
/// # Panics
/// If the node is another operator.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let width = at.dims(root).last().copied().unwrap_or(1);
    let y = at.place(root);
    match &node.op {
        Op::Gather(op) => {
            let indices = Indices::new(node.inputs[1], op, at.dims(node.inputs[0])[0], root, at);
            Box::new(Rows { indices, table: at.place(node.inputs[0]), width, y })
        }
        Op::GatherGrad(op) => {
            let indices = Indices::new(node.inputs[0], &op.gather, op.table_rows, root, at);
            Box::new(Gradient { indices, dy: at.place(node.inputs[1]), width, y })
        }
        Op::TokenMask(op) => Box::new(Mask { feed: at.feed(node.inputs[0]), value: op.value, y }),
        op => unreachable!("{} takes no indices", op.name()),
    }
}

impl Kernel for Rows {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let indices = memory.integers(self.indices.feed);
        let ([table], [y]) = memory.view([self.table], [self.y]);
        gather(at.exec, table, self.width, &self.indices.by, indices, y).map_err(|e| self.indices.error(e))
    }
}

impl Kernel for Gradient {
    fn scratch(&self) -> usize {
        gather_gradient_scratch(&self.indices.by, self.indices.len)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let Gradient { indices, width, .. } = self;
        let fed = memory.integers(indices.feed);
        let ([dy], [y, scratch]) = memory.view([self.dy], [self.y, at.scratch]);
        gather_gradient(at.exec, dy, *width, &indices.by, fed, scratch, y).map_err(|e| indices.error(e))
    }
}

impl Kernel for Mask {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let tokens = memory.integers(self.feed);
        let ([], [y]) = memory.view([], [self.y]);
        token_mask(at.exec, tokens, self.value, y);
        Ok(())
    }
}
