//! Fuses the mean of each channel into the pass that computes the variance of the same tensor.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::group::{Group, Kind};
use crate::uses::{Uses, storage};

/// The groups of all variances.
pub(super) fn find_all(graph: &Graph, uses: &Uses) -> Vec<Group> {
    let ids = (0..graph.nodes().len()).map(|i| NodeId(i as u32));
    ids.filter(|&id| uses.live(id) && matches!(graph.node(id).op, Op::ChannelVariance(_)))
        .map(|variance| group(graph, variance, mean_of(graph, uses, graph.node(variance).inputs[0])))
        .collect()
}

/// The group of a variance, and of a mean.
pub(super) fn group(graph: &Graph, variance: NodeId, mean: Option<NodeId>) -> Group {
    let outputs = std::iter::once(variance).chain(mean).collect();
    Group::new(Kind::Moments { variance, mean }, graph.node(variance).inputs.clone(), outputs)
}

/// The sum of `x` over all axes but the last, divided by their extents, if nobody takes the sum itself.
fn mean_of(graph: &Graph, uses: &Uses, x: NodeId) -> Option<NodeId> {
    let others = &graph.shape(x)[..graph.shape(x).rank() - 1];
    uses.users(storage(graph, x)).iter().chain(uses.users(x)).find_map(|&user| {
        let Op::Sum(sum) = &graph.node(user).op else { return None };
        let mean = uses.only_user(user)?;
        let Op::Scale(scale) = &graph.node(mean).op else { return None };
        let of_channels =
            graph.node(user).inputs[0] == x && !sum.keep_dims && sum.axes.iter().copied().eq(0..others.len());
        (of_channels && scale.factor == 1.0 && scale.divide_by == others).then_some(mean)
    })
}
