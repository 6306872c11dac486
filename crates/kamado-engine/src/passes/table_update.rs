//! Fuses the gradient of a table whose rows are looked up with the optimiser's update: an embedding.
//!
//! The gradient is zero but for a few rows, goes into the update of the table and nowhere else, and never goes to memory. A
//! lazy update is always such a group, since only it knows which rows were addressed.

use kamado_graph::graph::Graph;
use kamado_graph::op::Op;

use super::Fusion;
use crate::group::{Group, Kind};
use crate::uses::Uses;

/// The group for the update of number `index`, if it is that of a table.
pub(super) fn find(graph: &Graph, uses: &Uses, index: usize, fusion: Fusion) -> Option<Group> {
    let update = &graph.updates()[index];
    let value = graph.node(update.value);
    if !matches!(value.op, Op::GatherGrad(_)) {
        return None;
    }
    let by_element = update.rule.is_optimizer() && update.rule.is_elementwise() && update.settings.every == 1;
    let fuses = fusion == Fusion::On && by_element && uses.only_updates_one(update.value);
    if !fuses && !update.settings.lazy {
        return None;
    }
    let mut group = Group::new(Kind::TableUpdate(index), value.inputs.clone(), vec![]);
    group.writes = std::iter::once(update.variable).chain(update.slots.iter().copied()).collect();
    Some(group)
}
