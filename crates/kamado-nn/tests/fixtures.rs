//! Every layer against PyTorch or Keras in float64: values and gradients, in the f64 interpreter and in the engine.
//!
//! The scripts in `fixtures/` wrote the numbers; see `fixtures/common.py`.

use std::collections::BTreeMap;

use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::graph::{Graph, NodeId, Role};
use kamado_graph::interpreter::{Run, evaluate};
use kamado_graph::shape::{DType, TensorType};
use kamado_graph::tensor::Tensor;
use kamado_graph::update::StepInfo;
use kamado_nn::layers::{LayerConfig, Mode};
use kamado_nn::model::{FunctionalBuilder, Model, Seed};
use serde::Deserialize;

/// Relative to the largest element of the tensor: numbers written with twelve digits, and sums in f32.
const F64: f64 = 1e-9;
const F32: f64 = 1e-5;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Data {
    shape: Vec<usize>,
    dtype: DType,
    data: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    config: LayerConfig,
    mode: String,
    inputs: Vec<Data>,
    weights: BTreeMap<String, Data>,
    upstream: Data,
    output: Data,
    input_gradients: Vec<Option<Data>>,
    weight_gradients: BTreeMap<String, Data>,
}

impl Data {
    fn tensor(&self) -> Tensor {
        Tensor::new(self.shape.clone(), self.data.clone())
    }
}

/// A layer's graph with the gradients of `Σ y · upstream`, what to feed, and what must come out.
struct Problem<'a> {
    graph: Graph,
    feeds: Vec<(String, &'a Data)>,
    variables: Vec<Tensor>,
    expected: Vec<(String, &'a Data)>,
    batch: usize,
}

impl Case {
    fn model(&self) -> Model {
        let mut b = FunctionalBuilder::new();
        let inputs: Vec<_> = (self.inputs.iter().enumerate())
            .map(|(i, x)| match x.dtype {
                DType::F32 => b.input(&format!("x{i}"), &x.shape[1..]),
                DType::I32 => b.input_i32(&format!("x{i}"), &x.shape[1..]),
            })
            .collect();
        let y = b.named("layer", self.config.clone(), &inputs);
        b.build(&[y], Seed(1)).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    fn problem(&self) -> Problem<'_> {
        let model = self.model();
        let mode = if self.mode == "training" { Mode::Training } else { Mode::Inference };
        let mut graph = model.spec.forward_graph(mode).unwrap().graph;
        let y = graph.output("prediction").unwrap();
        let shape = graph.shape(y).clone();
        let upstream = graph.input("upstream", TensorType::f32(shape.clone())).unwrap();
        let product = graph.mul(y, upstream).unwrap();
        let loss = graph.sum(product, &(0..shape.rank()).collect::<Vec<_>>(), false).unwrap();
        let mut expected = vec![("prediction".to_owned(), &self.output)];
        let mut targets: Vec<(NodeId, &Data, String)> = Vec::new();
        for (i, data) in self.input_gradients.iter().enumerate() {
            let node = graph.inputs().find(|(n, _)| *n == format!("x{i}")).unwrap().1;
            data.iter().for_each(|data| targets.push((node, data, format!("d x{i}"))));
        }
        for (name, data) in &self.weight_gradients {
            let id = graph.variables().iter().position(|v| v.name == format!("layer.{name}"));
            let id = id.unwrap_or_else(|| panic!("{}: the layer has no weight {name}", self.name)) as u32;
            targets.push((graph.read(kamado_graph::graph::VariableId(id)).unwrap(), data, format!("d {name}")));
        }
        let gradients = graph.gradients(loss, &targets.iter().map(|t| t.0).collect::<Vec<_>>()).unwrap();
        for ((_, data, name), gradient) in targets.into_iter().zip(gradients) {
            graph.set_output(&name, gradient);
            expected.push((name, data));
        }
        let mut feeds: Vec<_> = self.inputs.iter().enumerate().map(|(i, x)| (format!("x{i}"), x)).collect();
        feeds.push(("upstream".to_owned(), &self.upstream));
        Problem { variables: self.variables(&graph), graph, feeds, expected, batch: self.inputs[0].shape[0] }
    }

    /// The given weights; every trainable weight must be given, and have a gradient.
    fn variables(&self, graph: &Graph) -> Vec<Tensor> {
        let value = |info: &kamado_graph::graph::VariableInfo| {
            let name = info.name.strip_prefix("layer.").unwrap();
            let data = self.weights.get(name).unwrap_or_else(|| panic!("{}: no value for {name}", self.name));
            assert_eq!(data.shape, info.shape, "{}: {name}", self.name);
            let trained = info.role == Role::Trainable;
            assert!(!trained || self.weight_gradients.contains_key(name), "{}: no gradient of {name}", self.name);
            data.tensor()
        };
        graph.variables().iter().map(value).collect()
    }
}

fn check(place: &str, expected: &Data, shape: &[usize], got: &[f64], tolerance: f64) {
    assert_eq!(shape, expected.shape, "{place}");
    let largest = expected.data.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for (i, (a, b)) in got.iter().zip(&expected.data).enumerate() {
        // A gradient that is zero, such as that of a key's bias, is a sum of terms of about one that cancel.
        let scale = if largest < 1e-12 { 1.0 } else { largest.max(1e-3) };
        let close = (a - b).abs() <= tolerance * scale;
        assert!(close, "{place}: element {i} is {a}, expected {b}; the largest is {largest}");
    }
}

fn in_f64(place: &str, problem: &Problem<'_>) {
    let feeds: Vec<_> = problem.feeds.iter().map(|(n, d)| (n.as_str(), d.tensor())).collect();
    let run = Run { batch: problem.batch, ..Run::default() };
    let results = evaluate(&problem.graph, &feeds, &problem.variables, &run).unwrap();
    for (name, expected) in &problem.expected {
        let got = &results.iter().find(|(n, _)| n == name).unwrap().1;
        check(&format!("{place}, {name} in f64"), expected, &got.shape, &got.data, F64);
    }
}

fn in_the_engine(place: &str, problem: &Problem<'_>) {
    let floats = |data: &[f64]| data.iter().map(|&x| x as f32).collect::<Vec<_>>();
    let mut store = Store::new(problem.graph.variables()).unwrap();
    for (info, value) in problem.graph.variables().iter().zip(&problem.variables) {
        store.set(&info.name, &floats(&value.data)).unwrap();
    }
    let runtime = Runtime::new(Some(2)).unwrap();
    let mut session = Session::new(&runtime, problem.graph.clone(), &store).unwrap();
    let data: Vec<_> = (problem.feeds.iter())
        .map(|(_, d)| (floats(&d.data), d.data.iter().map(|&x| x as i32).collect::<Vec<_>>()))
        .collect();
    let feeds: Vec<_> = (problem.feeds.iter().zip(&data))
        .map(|((name, d), (f, i))| (name.as_str(), if d.dtype == DType::I32 { Feed::I32(i) } else { Feed::F32(f) }))
        .collect();
    let info = StepInfo { seed: 0, step: 0, learning_rate: 0.0 };
    let results = session.run(&mut store, problem.batch, &info, &feeds).unwrap();
    for (name, expected) in &problem.expected {
        let got: Vec<f64> = results.get(name).unwrap().iter().map(|&x| f64::from(x)).collect();
        check(&format!("{place}, {name} in the engine"), expected, &expected.shape, &got, F32);
    }
}

/// Whether the layer is of this kind, or holds one: a layer that refers to others cannot stand alone.
fn is_about(config: &LayerConfig, kind: &str) -> bool {
    let holds = |nested: &kamado_nn::layers::Nested| nested.model.layers.iter().any(|l| l.config.kind() == kind);
    config.kind() == kind || matches!(config, LayerConfig::Nested(nested) if holds(nested))
}

#[test]
fn every_layer_agrees_with_pytorch_or_keras() {
    let folder = format!("{}/fixtures", env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for kind in LayerConfig::KINDS {
        let Ok(text) = std::fs::read_to_string(format!("{folder}/{kind}.json")) else {
            missing.push(*kind);
            continue;
        };
        let file: File = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{kind}.json: {e}"));
        assert!(!file.cases.is_empty(), "{kind}.json has no cases");
        for case in &file.cases {
            assert!(is_about(&case.config, kind), "{kind}.json ({}) is about {}", case.name, case.config.kind());
            let problem = case.problem();
            let place = format!("{kind} ({})", case.name);
            in_f64(&place, &problem);
            in_the_engine(&place, &problem);
        }
    }
    assert!(missing.is_empty(), "layers without a fixture: {missing:?}");
}
