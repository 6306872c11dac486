//! What the tests share: random feeds, and steps of the reference interpreter.
#![allow(dead_code)] // each test file uses its part

use kamado_graph::interpreter::{Run, evaluate, step};
use kamado_graph::rng::Rng;
use kamado_graph::shape::DType;
use kamado_graph::tensor::Tensor;
use kamado_graph::update::StepInfo;
use kamado_nn::layers::LayerConfig;
use kamado_nn::model::{Model, ModelGraph};

/// A layer, the shapes of its input and output, and its weights.
pub(crate) struct Case {
    pub(crate) layer: LayerConfig,
    pub(crate) input: Vec<usize>,
    pub(crate) output: Vec<usize>,
    pub(crate) weights: Vec<(String, Vec<usize>)>,
}

impl Case {
    pub(crate) fn new<const I: usize, const O: usize>(
        layer: impl Into<LayerConfig>,
        input: [usize; I],
        output: [usize; O],
        weights: Vec<(String, Vec<usize>)>,
    ) -> Self {
        Case { layer: layer.into(), input: input.to_vec(), output: output.to_vec(), weights }
    }
}

pub(crate) fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = Rng::new(seed, 0);
    Tensor::from_fn(shape.to_vec(), |_| rng.normal())
}

/// A value for every input of the graph; labels of two classes.
pub(crate) fn feeds(graph: &ModelGraph, batch: usize, seed: u64) -> Vec<(String, Tensor)> {
    let feed = |(i, (name, id)): (usize, (&str, _))| {
        let ty = &graph.graph.node(id).ty;
        let value = random(&ty.shape.at(batch), seed + i as u64);
        let value = if ty.dtype == DType::I32 { value.map(|x| f64::from(x > 0.0)) } else { value };
        (name.to_owned(), value)
    };
    graph.graph.inputs().enumerate().map(feed).collect()
}

pub(crate) fn weights(graph: &ModelGraph, model: &Model) -> Vec<Tensor> {
    let values = graph.initial_values(model).into_iter().zip(graph.graph.variables());
    values.map(|(v, info)| Tensor::new(info.shape.clone(), v.into_iter().map(f64::from).collect())).collect()
}

fn at(batch: usize, learning_rate: f64) -> Run {
    Run { batch, info: StepInfo { seed: 1, step: 0, learning_rate } }
}

fn named(feeds: &[(String, Tensor)]) -> Vec<(&str, Tensor)> {
    feeds.iter().map(|(n, t)| (n.as_str(), t.clone())).collect()
}

/// One step; the loss before it.
pub(crate) fn train_step(
    graph: &ModelGraph,
    feeds: &[(String, Tensor)],
    values: &mut [Tensor],
    batch: usize,
    rate: f64,
) -> f64 {
    let outputs = step(&graph.graph, &named(feeds), values, &at(batch, rate)).unwrap();
    outputs.iter().find(|(n, _)| n == "loss").unwrap().1.data[0]
}

pub(crate) fn loss_of(graph: &ModelGraph, feeds: &[(String, Tensor)], values: &[Tensor], batch: usize) -> f64 {
    run(graph, feeds, values, batch, "loss").data[0]
}

pub(crate) fn run(
    graph: &ModelGraph,
    feeds: &[(String, Tensor)],
    values: &[Tensor],
    batch: usize,
    output: &str,
) -> Tensor {
    let outputs = evaluate(&graph.graph, &named(feeds), values, &at(batch, 0.0)).unwrap();
    outputs.into_iter().find(|(n, _)| n == output).unwrap().1
}
