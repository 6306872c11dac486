//! What the tests share: random feeds, and steps of the reference interpreter.
#![allow(dead_code)] // each test file uses its part

use kamado_graph::interpreter::{Run, evaluate, step};
use kamado_graph::rng::Rng;
use kamado_graph::shape::{DType, Shape};
use kamado_graph::tensor::Tensor;
use kamado_graph::update::StepInfo;
use kamado_nn::layers::{Dense, Flatten, LayerConfig, Reshape};
use kamado_nn::losses::Loss;
use kamado_nn::model::{Model, ModelGraph, Seed, Sequential, TrainingSpec};
use kamado_nn::optimizers::Sgd;

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

/// The shape of each layer's result, the names and shapes of its weights, and its written form.
pub(crate) fn check_forms(cases: &[Case]) {
    for case in cases {
        let kind = case.layer.kind();
        let model = Sequential::new(case.input.clone()).add(case.layer.clone()).build(Seed(1)).unwrap();
        let graph = model.inference_graph().unwrap().graph;
        graph.verify().unwrap();
        let output = graph.output("prediction").unwrap();
        assert_eq!(*graph.shape(output), Shape::batched(&case.output), "{kind}");
        let names: Vec<_> = model.variables.iter().map(|v| (v.info.name.clone(), v.info.shape.clone())).collect();
        assert_eq!(names, case.weights, "{kind}");
        let json = serde_json::to_string(&case.layer).unwrap();
        assert_eq!(serde_json::from_str::<LayerConfig>(&json).unwrap(), case.layer, "{json}");
        let unknown = json.replacen('{', "{\"colour\":1,", 1);
        let error = serde_json::from_str::<LayerConfig>(&unknown).unwrap_err().to_string();
        assert!(error.contains("unknown field `colour`"), "{kind}: {error}");
    }
}

/// The layer in a small network: weights before it, so that gradients must pass through, and a dense layer after it.
fn network(case: &Case) -> Model {
    let n: usize = case.input.iter().product();
    Sequential::new([3])
        .add_named("before", Dense::new(n))
        .add(Reshape::new(case.input.iter().map(|&n| n as isize).collect::<Vec<_>>()))
        .add(case.layer.clone())
        .add(Flatten)
        .add_named("after", Dense::new(2))
        .build(Seed(3))
        .unwrap()
}

/// Gradients reach every weight, and a step lowers the loss, for one example and for several.
pub(crate) fn check_training(cases: &[Case]) {
    let training = TrainingSpec::new(Loss::MSE, Sgd { learning_rate: 1e-3.into(), ..Sgd::default() });
    for case in cases {
        let kind = case.layer.kind();
        let model = network(case);
        let graph = model.training_graph(&training).unwrap();
        graph.graph.verify().unwrap();
        for batch in [1, 5] {
            let feeds = feeds(&graph, batch, 2);
            let mut values = weights(&graph, &model);
            let before = values.clone();
            let first = train_step(&graph, &feeds, &mut values, batch, 1e-3);
            let second = loss_of(&graph, &feeds, &values, batch);
            // A batch of one is its own mean: normalised, nothing is left to learn but beta.
            let learns = batch > 1 || !matches!(case.layer, LayerConfig::BatchNormalization(_));
            assert!(second < first || !learns, "{kind}, batch {batch}: {first} to {second}");
            let moved = before.iter().zip(&values).filter(|(a, b)| a != b).count();
            assert!(moved == values.len() || !learns, "{kind}: {moved} of {} variables changed", values.len());
        }
    }
}
