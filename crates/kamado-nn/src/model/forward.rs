//! From the description of a model to graph nodes.

use std::collections::HashMap;

use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{Shape, TensorType};

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
}

/// Builds the graph of a model; its variables are the weights, in the order of the layers, whatever the mode.
pub(super) fn forward(spec: &ModelSpec, mode: Mode) -> Result<Forward, NnError> {
    spec.check()?;
    let (mut graph, mut weights) = (Graph::new(), Weights::default());
    let mut results: HashMap<&str, NodeId> = HashMap::new();
    for input in &spec.inputs {
        let node = graph.input(&input.name, TensorType::f32(Shape::batched(&input.shape)))?;
        results.insert(&input.name, node);
    }
    let mut layers = Vec::with_capacity(spec.layers.len());
    for (index, layer) in spec.layers.iter().enumerate() {
        let node = build(index, layer, mode, &mut graph, &mut weights, &results)?;
        results.insert(&layer.name, node);
        layers.push(node);
    }
    let outputs = spec.outputs.iter().map(|name| results[name.as_str()]).collect();
    Ok(Forward { graph, weights, layers, outputs })
}

fn build(
    index: usize,
    layer: &LayerSpec,
    mode: Mode,
    graph: &mut Graph,
    weights: &mut Weights,
    results: &HashMap<&str, NodeId>,
) -> Result<NodeId, NnError> {
    let inputs: Vec<NodeId> = layer.inputs.iter().map(|name| results[name.as_str()]).collect();
    graph.set_scope(&layer.name);
    let (name, kind, shares) = (layer.name.as_str(), layer.config.kind(), layer.shares.as_deref());
    let mut builder = LayerBuilder { graph, mode, weights, index, name, kind, shares };
    let result = layer.config.build(&mut builder, &inputs).and_then(|node| {
        let shape = builder.graph.shape(node);
        match shape.elements().is_some_and(|n| n.at(1) <= MAX_ELEMENTS) {
            true => Ok(node),
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
