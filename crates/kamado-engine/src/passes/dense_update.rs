//! Fuses a dense layer's weight gradient with the optimiser's update, and with the gradient of the layer's input.
//!
//! `dW = xᵀ · dy` that goes into the update of `W` and nowhere else, and `dx = dy · Wᵀ`, masked if `x` is the output of
//! a relu. `W` and its slots are then read and written once, and `dW` never goes to memory. A rule that needs the whole
//! gradient before it can change any weight, such as LAMB, is left alone.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::ops::MatMul;
use kamado_graph::shape::Dim;

use super::product::masked_operand;
use crate::group::{Group, Kind};
use crate::uses::{Uses, storage};

/// The group for the update of number `index`, if it is that of a dense layer's weights.
pub(super) fn find(graph: &Graph, uses: &Uses, index: usize) -> Option<Group> {
    let update = &graph.updates()[index];
    let by_element = update.rule.is_optimizer() && update.rule.is_elementwise() && update.settings.every == 1;
    if !by_element || !uses.only_updates_one(update.value) {
        return None;
    }
    let product = graph.node(update.value);
    let Op::MatMul(MatMul { transpose_a: true, transpose_b: false }) = product.op else { return None };
    let (x, dy) = (product.inputs[0], product.inputs[1]);
    // With many rows per example, as of a sequence, the product is deep: it is faster by itself, cut along its depth, and
    // beside it the update's memory traffic is small.
    let few_rows = matches!(graph.shape(x)[..], [Dim::Fixed(_) | Dim::Batch(1), _]);
    if !few_rows {
        return None;
    }
    let weights = graph.nodes().iter().position(|n| matches!(&n.op, Op::Variable(v) if v.id == update.variable));
    let dx = weights.and_then(|w| input_gradient(graph, uses, NodeId(w as u32), dy));
    let (dx, mask) = dx.map_or((None, None), |(dx, mask)| (Some(dx), mask));
    let kind = Kind::DenseUpdate { update: index, x, dy, dx, mask };
    let mut group = Group::new(kind, [x, dy].into_iter().chain(mask).collect(), dx.into_iter().collect());
    group.writes = std::iter::once(update.variable).chain(update.slots.iter().copied()).collect();
    Some(group)
}

/// `dx = dy · Wᵀ` and, if it is masked, the tensor whose step masks it. It is left alone if anyone who reads `W` could
/// depend on it, since all of them must have read `W` before it changes.
fn input_gradient(graph: &Graph, uses: &Uses, weights: NodeId, dy: NodeId) -> Option<(NodeId, Option<NodeId>)> {
    let is_dx = |id: &&NodeId| {
        let node = graph.node(**id);
        matches!(node.op, Op::MatMul(MatMul { transpose_a: false, transpose_b: true }))
            && node.inputs[1] == weights
            && storage(graph, node.inputs[0]) == storage(graph, dy)
            && graph.shape(node.inputs[0]) == graph.shape(dy)
    };
    let dx = *uses.users(weights).iter().find(is_dx)?;
    if uses.users(weights).iter().any(|&user| user > dx) {
        return None;
    }
    let masked = uses.only_user_through_reshapes(graph, dx).and_then(|(_, mul)| {
        let (value, mask) = masked_operand(graph, uses, mul)?;
        // A mask that comes after dx could depend on it.
        (value == dx && mask < dx).then_some((mul, Some(mask)))
    });
    Some(masked.unwrap_or((dx, None)))
}
