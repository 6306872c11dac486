//! Fuses the gradients of a norm: those of its input, its factor and its offset (the sum of `dy` over all rows), in one
//! pass over `x` and `dy`.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::group::{Group, Kind};
use crate::uses::Uses;

/// The groups of all factor gradients, each with the other gradients of its norm.
pub(super) fn find_all(graph: &Graph, uses: &Uses) -> Vec<Group> {
    let ids = (0..graph.nodes().len()).map(|i| NodeId(i as u32));
    ids.filter(|&id| uses.live(id)).filter_map(|id| find(graph, uses, id)).collect()
}

fn find(graph: &Graph, uses: &Uses, dgamma: NodeId) -> Option<Group> {
    let Op::NormScaleGrad(norm) = &graph.node(dgamma).op else { return None };
    let &[x, dy] = graph.node(dgamma).inputs.as_slice() else { return None };
    let is_dx = |id: &&NodeId| match &graph.node(**id).op {
        Op::NormGrad(other) => {
            let inputs = &graph.node(**id).inputs;
            (other.epsilon, other.centred) == (norm.epsilon, norm.centred) && (inputs[0], inputs[2]) == (x, dy)
        }
        _ => false,
    };
    let leading: Vec<usize> = (0..graph.shape(dy).rank() - 1).collect();
    let is_dbeta = |id: &&NodeId| matches!(&graph.node(**id).op, Op::Sum(sum) if sum.axes == leading);
    let dx = uses.users(dy).iter().find(is_dx).copied();
    let dbeta = uses.users(dy).iter().find(is_dbeta).copied();
    let gamma = dx.map(|dx| graph.node(dx).inputs[1]);
    let outputs = [Some(dgamma), dx, dbeta].into_iter().flatten().collect();
    let kind = Kind::NormGrad { dgamma, dx, dbeta };
    Some(Group::new(kind, [Some(x), Some(dy), gamma].into_iter().flatten().collect(), outputs))
}
