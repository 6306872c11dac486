//! From the description of a model to graph nodes.

use std::collections::HashMap;

use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId};

use super::spec::{LayerSpec, MAX_ELEMENTS, ModelSpec};
use crate::error::NnError;
use crate::layers::{Layer, LayerBuilder, Mode, Weights};

/// A model's graph up to its outputs.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) graph: Graph,
    pub(super) weights: Weights,
    /// The result of each layer.
    pub(super) layers: Vec<NodeId>,
    /// The results of the model.
    pub(super) outputs: Vec<NodeId>,
    /// Which time steps of each result are real, `[B, T]`, where the model knows.
    #[expect(dead_code, reason = "for the losses of padded sequences")]
    pub(super) masks: Vec<Option<NodeId>>,
}

/// The result of an input or a layer.
#[derive(Clone, Copy, Debug)]
struct Value {
    node: NodeId,
    mask: Option<NodeId>,
}

/// Builds the graph of a model; its variables are the weights, in the order of the layers, whatever the mode.
pub(super) fn forward(spec: &ModelSpec, mode: Mode) -> Result<Forward, NnError> {
    spec.check()?;
    let (mut graph, mut weights) = (Graph::new(), Weights::default());
    let mut results: HashMap<&str, Value> = HashMap::new();
    for input in &spec.inputs {
        let node = graph.input(&input.name, input.ty())?;
        results.insert(&input.name, Value { node, mask: None });
    }
    let mut layers = Vec::with_capacity(spec.layers.len());
    for (index, layer) in spec.layers.iter().enumerate() {
        let value = build(index, layer, mode, &mut graph, &mut weights, &results)?;
        results.insert(&layer.name, value);
        layers.push(value.node);
    }
    let (outputs, masks) = spec.outputs.iter().map(|name| results[name.as_str()]).map(|v| (v.node, v.mask)).unzip();
    Ok(Forward { graph, weights, layers, outputs, masks })
}

fn build(
    index: usize,
    layer: &LayerSpec,
    mode: Mode,
    graph: &mut Graph,
    weights: &mut Weights,
    results: &HashMap<&str, Value>,
) -> Result<Value, NnError> {
    let (inputs, masks): (Vec<_>, Vec<_>) =
        layer.inputs.iter().map(|name| results[name.as_str()]).map(|v| (v.node, v.mask)).unzip();
    graph.set_scope(&layer.name);
    let (name, kind, shares) = (layer.name.as_str(), layer.config.kind(), layer.shares.as_deref());
    let mut builder =
        LayerBuilder { graph, mode, weights, index, name, kind, shares, masks: &masks, result_mask: None };
    let result = layer.config.build(&mut builder, &inputs).and_then(|node| {
        let shape = builder.graph.shape(node);
        match shape.elements().is_some_and(|n| n.at(1) <= MAX_ELEMENTS) {
            true => Ok(Value { node, mask: builder.mask_of_result(node)? }),
            false => Err(builder.error(format!(
                "its result {shape} has more than {MAX_ELEMENTS} elements per example; make the layer or its input smaller"
            ))),
        }
    });
    graph.set_scope("");
    result.map_err(|error| match error {
        NnError::Graph(GraphError::Shape { op, why, .. }) => {
            NnError::Layer { index, name: name.to_owned(), kind, problem: format!("{op}: {why}") }
        }
        other => other,
    })
}
