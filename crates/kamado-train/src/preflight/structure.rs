//! The model by itself: layers that do nothing, softmax twice, softmax over one unit.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::shape::Dim;

use super::Subject;
use super::finding::Finding;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let graph = subject.graph;
    let mut findings = unused(subject);
    if subject.output.is_none() {
        let what = format!("the model has {} outputs, but the data has labels for one", subject.spec.outputs.len());
        findings.push(Finding::error("model", what, "build a model with one output"));
    }
    for node in graph.nodes().iter().filter(|node| matches!(node.op, Op::Softmax(_))) {
        let place = subject.layer(&node.scope);
        if let Some(first) = softmax_before(graph, node.inputs[0]) {
            let what = format!(
                "a softmax of the softmax of {}: it is applied twice, which presses all probabilities together",
                subject.layer(first)
            );
            findings.push(Finding::error(place, what, "remove one of the two"));
        } else if node.ty.shape.last() == Some(&Dim::ONE) {
            let what = "a softmax over one unit is always 1, so nothing can be learnt";
            findings.push(Finding::error(place, what, "activation = \"sigmoid\", or one unit per class"));
        }
    }
    findings
}

/// Layers and inputs that the output does not depend on.
fn unused(subject: &Subject<'_>) -> Vec<Finding> {
    let spec = subject.spec;
    let unused = spec.unused_layers();
    let layer = |name: &&str| {
        let what = "its result is used by no other layer and is no output, so it does not learn";
        Finding::error(subject.layer(name), what, "use its result, or remove the layer")
    };
    let used = |input: &str| {
        spec.layers.iter().any(|l| !unused.contains(&l.name.as_str()) && l.inputs.iter().any(|name| name == input))
    };
    let input = |name: &str| {
        let what = "no layer that the output depends on reads it";
        Finding::error(format!("model input {name:?}"), what, "use it, or remove the input")
    };
    let inputs = spec.inputs.iter().map(|input| input.name.as_str()).filter(|name| !used(name));
    unused.iter().map(layer).chain(inputs.map(input)).collect()
}

/// The layer of the softmax that yields `node`, if nothing but a new shape is in between.
fn softmax_before(graph: &Graph, node: NodeId) -> Option<&str> {
    let node = graph.node(node);
    match &node.op {
        Op::Softmax(_) => Some(&node.scope),
        Op::Reshape(_) => softmax_before(graph, node.inputs[0]),
        _ => None,
    }
}
