//! From the description of a model to graph nodes.

use std::collections::HashMap;

use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{DType, Shape, TensorType};

use super::spec::{InputSpec, LayerSpec, MAX_ELEMENTS, ModelSpec};
use crate::error::NnError;
use crate::layers::{Decoding, Layer, LayerBuilder, Mode, Weights};

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
    let (mut graph, mut weights) = (Graph::new(), Weights::default());
    spec.check()?;
    let mut inputs = Vec::with_capacity(spec.inputs.len());
    for input in &spec.inputs {
        let ty = if mode == Mode::Decode { one_token(input, &mut weights.decoding)? } else { input.ty() };
        inputs.push(Value { node: graph.input(&input.name, ty)?, mask: None });
    }
    let mut place = Place { graph: &mut graph, weights: &mut weights, mode, outer: None };
    let (layers, outputs) = place.build(spec, &inputs)?;
    let layers = layers.iter().map(|v| v.node).collect();
    let (outputs, masks) = outputs.iter().map(|v| (v.node, v.mask)).unzip();
    Ok(Forward { graph, weights, layers, outputs, masks })
}

/// The type of an input of sequences, with a new token for each.
fn one_token(input: &InputSpec, decoding: &mut Decoding) -> Result<TensorType, NnError> {
    let mut ty = input.ty();
    match (ty.dtype, &input.shape[..]) {
        (DType::I32, &[tokens]) if [0, tokens].contains(&decoding.tokens) => decoding.tokens = tokens,
        _ => return Err(NnError::Model(format!("takes {ty} for {:?}, expected one length of i32[B, T]", input.name))),
    }
    ty.shape = Shape::batched(&[1]);
    Ok(ty)
}

/// Adds the layers of a checked model that is a layer of another; the result is its only output.
pub(crate) fn build_nested(spec: &ModelSpec, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
    spec.check().map_err(|error| match error {
        NnError::Model(problem) => b.error(format!("its model {problem}")),
        other => b.error(other.to_string()),
    })?;
    let inputs: Vec<_> = (inputs.iter().enumerate()).map(|(i, &node)| Value { node, mask: b.mask(i) }).collect();
    let outer = Outer { index: b.index, name: b.name, shares: b.shares, trainable: b.trainable };
    let mut place = Place { graph: b.graph, weights: b.weights, mode: b.mode, outer: Some(outer) };
    let (_, outputs) = place.build(spec, &inputs)?;
    let Value { node, mask } = outputs[0];
    b.set_mask(mask);
    Ok(node)
}

/// Where the layers of a model are added.
struct Place<'a> {
    graph: &'a mut Graph,
    weights: &'a mut Weights,
    mode: Mode,
    outer: Option<Outer<'a>>,
}

/// The layer that holds the model.
#[derive(Clone, Copy)]
struct Outer<'a> {
    index: usize,
    name: &'a str,
    shares: Option<&'a str>,
    trainable: bool,
}

impl Place<'_> {
    /// The results of the layers and of the model.
    fn build(&mut self, spec: &ModelSpec, inputs: &[Value]) -> Result<(Vec<Value>, Vec<Value>), NnError> {
        let names = spec.inputs.iter().map(|input| input.name.as_str());
        let mut results: HashMap<&str, Value> = names.zip(inputs.iter().copied()).collect();
        let mut layers = Vec::with_capacity(spec.layers.len());
        for (index, layer) in spec.layers.iter().enumerate() {
            let values: Vec<_> = layer.inputs.iter().map(|name| results[name.as_str()]).collect();
            let value = self.layer(index, layer, &values)?;
            results.insert(&layer.name, value);
            layers.push(value);
        }
        let outputs = spec.outputs.iter().map(|name| results[name.as_str()]).collect();
        Ok((layers, outputs))
    }

    fn layer(&mut self, index: usize, layer: &LayerSpec, inputs: &[Value]) -> Result<Value, NnError> {
        let (nodes, masks): (Vec<_>, Vec<_>) = inputs.iter().map(|v| (v.node, v.mask)).unzip();
        let index = self.outer.map_or(index, |outer| outer.index);
        let name = self.outer.map_or_else(|| layer.name.clone(), |outer| format!("{}.{}", outer.name, layer.name));
        let shares = self.shares(layer);
        let scope = self.graph.set_scope(&name);
        let mut builder = LayerBuilder {
            graph: &mut *self.graph,
            mode: self.mode,
            weights: &mut *self.weights,
            index,
            name: &name,
            kind: layer.config.kind(),
            shares: shares.as_deref(),
            trainable: layer.trainable && self.outer.is_none_or(|outer| outer.trainable),
            masks: &masks,
            result_mask: None,
        };
        let built = builder.check_decoding(&layer.config).and_then(|()| layer.config.build(&mut builder, &nodes));
        let result = built.and_then(|node| {
            let shape = builder.graph.shape(node);
            match shape.elements().is_some_and(|n| n.at(1) <= MAX_ELEMENTS) {
                true => Ok(Value { node, mask: builder.mask_of_result(node)? }),
                false => Err(builder.error(format!(
                    "its result {shape} has more than {MAX_ELEMENTS} elements per example; make the layer or its input \
                     smaller"
                ))),
            }
        });
        self.graph.set_scope(scope);
        result.map_err(|error| match error {
            NnError::Graph(GraphError::Shape { op, why, .. }) => {
                NnError::Layer { index, name, kind: layer.config.kind(), problem: format!("{op}: {why}") }
            }
            other => other,
        })
    }

    /// The path of the layer whose weights are used, if not its own: that of an earlier call of this layer, of the layer that
    /// holds the model, or both.
    fn shares(&self, layer: &LayerSpec) -> Option<String> {
        let Some(outer) = self.outer else { return layer.shares.clone() };
        let owner = layer.shares.as_ref().unwrap_or(&layer.name);
        let shared = outer.shares.is_some() || layer.shares.is_some();
        shared.then(|| format!("{}.{owner}", outer.shares.unwrap_or(outer.name)))
    }
}
