//! The gradient of a table fused with the update of the table.

use kamado_graph::op::Op;
use kamado_graph::update::UpdateRule;
use kamado_kernels::gather::{RowGradient, update_rows, update_rows_scratch};
use kamado_kernels::update_rule::Parameter;

use super::gather::Indices;
use super::update::{Target, resolve};
use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct TableUpdate {
    rule: UpdateRule,
    target: Target,
    indices: Indices,
    dy: Place,
    width: usize,
    threads: usize,
}

/// The kernel of the update of this number, whose value is the gradient of a table.
///
/// # Panics
/// If it is something else.
pub(super) fn lower(index: usize, at: &Lower<'_>) -> Box<dyn Kernel> {
    let update = &at.graph.updates()[index];
    let node = at.graph.node(update.value);
    let Op::GatherGrad(op) = &node.op else { unreachable!("a pass has matched the gradient of a table") };
    Box::new(TableUpdate {
        rule: update.rule,
        target: Target::new(update, at),
        indices: Indices::new(node.inputs[0], &op.gather, op.table_rows, update.value, at),
        dy: at.place(node.inputs[1]),
        width: at.dims(update.value)[1],
        threads: at.threads,
    })
}

impl Kernel for TableUpdate {
    fn scratch(&self) -> usize {
        update_rows_scratch(&self.indices.by, self.indices.len, self.width, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let Target { variable, slots: [first, second, third], settings } = self.target;
        let Some(info) = settings.at(at.info) else { return Ok(()) };
        let indices = memory.integers(self.indices.feed);
        let ([dy], [value, first, second, third, scratch]) =
            memory.view([self.dy], [variable, first, second, third, at.scratch]);
        let table = Parameter { value, slots: [first, second, third], keep: settings.kept(&info) as f32 };
        let gradient = RowGradient { dy, width: self.width, by: &self.indices.by, indices };
        update_rows(at.exec, &resolve(&self.rule, &info), table, gradient, settings.lazy, scratch)
            .map_err(|e| self.indices.error(e))
    }
}
