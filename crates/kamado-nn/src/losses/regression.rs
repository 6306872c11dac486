//! Losses of the difference between output and target, elementwise.

use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId};

/// `(y - t)²`.
pub(super) fn squared(graph: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, GraphError> {
    let error = graph.sub(y, t)?;
    graph.square(error)
}

/// `|y - t|`.
pub(super) fn absolute(graph: &mut Graph, y: NodeId, t: NodeId) -> Result<NodeId, GraphError> {
    let error = graph.sub(y, t)?;
    graph.abs(error)
}

/// With `e = |y - t|` and `q = min(e, δ)`: `q·(e - q/2)`, which is `e²/2` below `δ` and `δ·e - δ²/2` above.
pub(super) fn huber(graph: &mut Graph, y: NodeId, t: NodeId, delta: f64) -> Result<NodeId, GraphError> {
    let e = absolute(graph, y, t)?;
    let shape = graph.shape(e).clone();
    let delta = graph.constant(delta, shape)?;
    let q = graph.minimum(e, delta)?;
    let half = graph.scale(q, 0.5)?;
    let rest = graph.sub(e, half)?;
    graph.mul(q, rest)
}
