//! Copies of graphs with other leaves: how explanations attach to nodes without the layers knowing.

use std::collections::HashMap;

use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

/// Adds the nodes of `from` to `to`; `leaf` gives the node of `to` that stands for a node of `from`, or None if it is
/// to be copied. Answers the node of `to` for each node of `from`.
///
/// # Errors
/// If a node does not accept its replaced inputs.
pub(crate) fn copy_into(
    from: &Graph,
    to: &mut Graph,
    mut leaf: impl FnMut(&mut Graph, NodeId) -> Result<Option<NodeId>, GraphError>,
) -> Result<Vec<NodeId>, GraphError> {
    let mut copied: Vec<NodeId> = Vec::with_capacity(from.nodes().len());
    let outer = to.set_scope("");
    for (index, node) in from.nodes().iter().enumerate() {
        to.set_scope(&node.scope);
        let known = leaf(to, NodeId(index as u32))?;
        let inputs: Vec<NodeId> = node.inputs.iter().map(|input| copied[input.index()]).collect();
        copied.push(match (known, &node.op) {
            (Some(known), _) => known,
            (None, Op::Variable(variable)) => to.read(variable.id)?,
            (None, op) => to.push(op.clone(), &inputs)?,
        });
    }
    to.set_scope(outer);
    Ok(copied)
}

/// A copy of `graph` in which some nodes are inputs, named as given; answers also the new node of each old one. It has
/// no outputs yet.
///
/// # Errors
/// As [`copy_into`].
pub(crate) fn with_inputs(graph: &Graph, named: &[(NodeId, String)]) -> Result<(Graph, Vec<NodeId>), GraphError> {
    let mut copy = Graph::new();
    graph.variables().iter().for_each(|info| _ = copy.declare(info.clone()));
    let named: HashMap<NodeId, &str> = named.iter().map(|(node, name)| (*node, name.as_str())).collect();
    let nodes = copy_into(graph, &mut copy, |copy, node| match named.get(&node) {
        Some(name) => Ok(Some(copy.input(name, graph.node(node).ty.clone())?)),
        None => Ok(None),
    })?;
    Ok((copy, nodes))
}

/// Which nodes depend on one of `sources`.
pub(crate) fn dependents(graph: &Graph, sources: &[NodeId]) -> Vec<bool> {
    let mut depends = vec![false; graph.nodes().len()];
    sources.iter().for_each(|source| depends[source.index()] = true);
    for (index, node) in graph.nodes().iter().enumerate() {
        if node.inputs.iter().any(|input| depends[input.index()]) {
            depends[index] = true;
        }
    }
    depends
}
