//! Joins what one pass over a sequence computes together: a recurrent layer's results and its tape, and the gradients with
//! respect to its input and its first state.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::ops::{Recurrence, RecurrentResult};

use crate::group::{Group, Kind};
use crate::uses::Uses;

/// The groups of all passes over sequences.
pub(super) fn find_all(graph: &Graph, uses: &Uses) -> Vec<Group> {
    let mut passes: Vec<Vec<NodeId>> = Vec::new();
    for id in (0..graph.nodes().len()).map(|i| NodeId(i as u32)).filter(|&id| uses.live(id)) {
        if pass(&graph.node(id).op).is_none() {
            continue;
        }
        match passes.iter_mut().find(|members| joins(graph, members, id)) {
            Some(members) => members.push(id),
            None => passes.push(vec![id]),
        }
    }
    let group = |members: Vec<NodeId>| {
        let inputs = graph.node(members[0]).inputs.clone();
        Group::new(Kind::Recurrent { members: members.clone() }, inputs, members)
    };
    passes.into_iter().map(group).collect()
}

/// Which pass over a sequence an operator is a result of: forward, or backward from the gradient of a result.
fn pass(op: &Op) -> Option<(Recurrence, Option<RecurrentResult>)> {
    match op {
        Op::Recurrent(op) => Some((op.recurrence, None)),
        Op::RecurrentTape(op) => Some((op.recurrence, None)),
        Op::RecurrentGrad(op) => Some((op.recurrence, Some(op.result))),
        _ => None,
    }
}

/// Whether the node is another result of the same pass.
fn joins(graph: &Graph, members: &[NodeId], id: NodeId) -> bool {
    let (first, node) = (graph.node(members[0]), graph.node(id));
    let another = members.iter().all(|&member| graph.node(member).op != node.op);
    pass(&first.op) == pass(&node.op) && first.inputs == node.inputs && another
}
