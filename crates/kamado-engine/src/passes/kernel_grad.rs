//! Fuses the gradient of a convolution's bias, the sum of `dy` over all axes but the last, into the pass that computes
//! the gradient of the kernel from the same `dy`.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::group::{Group, Kind};
use crate::uses::{Uses, storage};

/// The groups of all kernel gradients.
pub(super) fn find_all(graph: &Graph, uses: &Uses) -> Vec<Group> {
    let ids = (0..graph.nodes().len()).map(|i| NodeId(i as u32));
    ids.filter(|&id| uses.live(id) && matches!(graph.node(id).op, Op::Conv2dKernelGrad(_)))
        .map(|root| {
            let dy = graph.node(root).inputs[1];
            let is_bias = |id: &&NodeId| match &graph.node(**id).op {
                Op::Sum(sum) => sum.axes == [0, 1, 2],
                _ => false,
            };
            let bias = uses.users(storage(graph, dy)).iter().find(is_bias).copied();
            let outputs = std::iter::once(root).chain(bias).collect();
            Group::new(Kind::KernelGrad { root, bias }, graph.node(root).inputs.clone(), outputs)
        })
        .collect()
}
