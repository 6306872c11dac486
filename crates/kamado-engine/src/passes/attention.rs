//! Fuses attention with the logarithm of its sums, and the gradients of its queries, keys and values: each is one pass over
//! the same tiles of scores.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::group::{Group, Kind};
use crate::uses::Uses;

/// The groups of all attentions and their gradients.
pub(super) fn find_all(graph: &Graph, uses: &Uses) -> Vec<Group> {
    let live = || (0..graph.nodes().len()).map(|i| NodeId(i as u32)).filter(|&id| uses.live(id));
    let forward = live().filter(|&id| matches!(graph.node(id).op, Op::Attention(_)));
    let mut groups: Vec<_> = forward.map(|id| group(graph, [Some(id), sums_of(graph, uses, id)])).collect();
    let mut claimed = Vec::new();
    for id in live().filter(|&id| place(&graph.node(id).op).is_some()) {
        if !claimed.contains(&id) {
            let gradients = gradients_like(graph, uses, id);
            claimed.extend(gradients.iter().flatten());
            groups.push(grad_group(graph, gradients));
        }
    }
    groups
}

/// The group of one such node.
pub(super) fn alone(graph: &Graph, id: NodeId) -> Option<Group> {
    let op = &graph.node(id).op;
    match op {
        Op::Attention(_) => Some(group(graph, [Some(id), None])),
        Op::AttentionLogSumExp(_) => Some(group(graph, [None, Some(id)])),
        _ => place(op).map(|place| {
            let mut gradients = [None; 3];
            gradients[place] = Some(id);
            grad_group(graph, gradients)
        }),
    }
}

/// A group of an attention, the logarithm of its sums, or both.
fn group(graph: &Graph, [result, sums]: [Option<NodeId>; 2]) -> Group {
    let outputs: Vec<_> = result.into_iter().chain(sums).collect();
    let inputs = graph.node(outputs[0]).inputs.clone();
    Group::new(Kind::Attention { result, sums }, inputs, outputs)
}

/// A group of some gradients of one attention.
fn grad_group(graph: &Graph, gradients: [Option<NodeId>; 3]) -> Group {
    let outputs: Vec<_> = gradients.into_iter().flatten().collect();
    let inputs = graph.node(outputs[0]).inputs.clone();
    Group::new(Kind::AttentionGrad { gradients }, inputs, outputs)
}

/// Which of the three gradients an operator is.
fn place(op: &Op) -> Option<usize> {
    match op {
        Op::AttentionQueryGrad(_) => Some(0),
        Op::AttentionKeyGrad(_) => Some(1),
        Op::AttentionValueGrad(_) => Some(2),
        _ => None,
    }
}

/// The node that holds the logarithm of the attention's sums. One that the values could depend on is left alone.
fn sums_of(graph: &Graph, uses: &Uses, attention: NodeId) -> Option<NodeId> {
    let node = graph.node(attention);
    let Op::Attention(op) = node.op else { return None };
    let &[q, k, v, ref mask @ ..] = node.inputs.as_slice() else { return None };
    let like = |id: &&NodeId| match graph.node(**id).op {
        Op::AttentionLogSumExp(sums) => {
            sums.attention == op && **id > v && graph.node(**id).inputs == [&[q, k], mask].concat()
        }
        _ => false,
    };
    uses.users(q).iter().find(like).copied()
}

/// The gradients that have the inputs of `id`.
fn gradients_like(graph: &Graph, uses: &Uses, id: NodeId) -> [Option<NodeId>; 3] {
    let node = graph.node(id);
    let mut gradients = [None; 3];
    for &other in uses.users(node.inputs[0]) {
        let same = graph.node(other).inputs == node.inputs && attention_of(graph, other) == attention_of(graph, id);
        if let Some(place) = place(&graph.node(other).op).filter(|_| same) {
            gradients[place] = Some(other);
        }
    }
    gradients
}

fn attention_of(graph: &Graph, id: NodeId) -> Option<kamado_graph::ops::Attention> {
    match graph.node(id).op {
        Op::AttentionQueryGrad(op) => Some(op.attention),
        Op::AttentionKeyGrad(op) => Some(op.attention),
        Op::AttentionValueGrad(op) => Some(op.attention),
        _ => None,
    }
}
