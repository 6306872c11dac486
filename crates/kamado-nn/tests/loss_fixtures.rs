//! Every loss against Keras or PyTorch in float64: value and gradient, in the f64 interpreter and in the engine.
//!
//! `fixtures/losses.py` wrote the numbers.

use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::interpreter::{Run, evaluate};
use kamado_graph::shape::{DType, Shape, TensorType};
use kamado_graph::tensor::Tensor;
use kamado_graph::update::StepInfo;
use kamado_nn::losses::{Loss, NAMES};
use serde::Deserialize;

/// Relative to the largest element: Keras keeps probabilities 1e-7 away from 0 and 1; sums in f32.
const F64: f64 = 2e-7;
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
    config: Loss,
    output: Data,
    targets: Option<Data>,
    mask: Option<Data>,
    upstream: Data,
    loss: Data,
    gradient: Data,
}

impl Data {
    fn tensor(&self) -> Tensor {
        Tensor::new(self.shape.clone(), self.data.clone())
    }

    fn input(&self, graph: &mut Graph, name: &str) -> NodeId {
        let ty = TensorType { dtype: self.dtype, shape: Shape::batched(&self.shape[1..]) };
        graph.input(name, ty).unwrap()
    }

    fn check(&self, place: &str, got: &[f64], tolerance: f64) {
        assert_eq!(got.len(), self.data.len(), "{place}");
        let largest = self.data.iter().fold(1e-3f64, |m, x| m.max(x.abs()));
        for (i, (got, expected)) in got.iter().zip(&self.data).enumerate() {
            let close = (got - expected).abs() <= tolerance * largest;
            assert!(close, "{place}: element {i} is {got}, expected {expected}; the largest is {largest}");
        }
    }
}

impl Case {
    /// What is fed, by name.
    fn feeds(&self) -> Vec<(&'static str, &Data)> {
        let given = [("targets", self.targets.as_ref()), ("mask", self.mask.as_ref())];
        let always = [("output", &self.output), ("upstream", &self.upstream)];
        always.into_iter().chain(given.into_iter().filter_map(|(name, data)| Some((name, data?)))).collect()
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        let output = self.output.input(&mut graph, "output");
        let targets = self.targets.as_ref().map(|data| data.input(&mut graph, "targets"));
        let mask = self.mask.as_ref().map(|data| data.input(&mut graph, "mask"));
        let expected = self.config.targets(graph.shape(output)).unwrap();
        assert_eq!(expected.as_ref(), targets.map(|id| &graph.node(id).ty), "{}", self.name);
        let loss = self.config.each(&mut graph, output, targets, mask).unwrap().loss;
        graph.set_output("loss", loss);
        let upstream = self.upstream.input(&mut graph, "upstream");
        let product = graph.mul(loss, upstream).unwrap();
        let axes: Vec<_> = (0..graph.shape(product).rank()).collect();
        let sum = graph.sum(product, &axes, false).unwrap();
        let gradient = graph.gradients(sum, &[output]).unwrap()[0];
        graph.set_output("gradient", gradient);
        graph.verify().unwrap();
        graph
    }

    fn check(&self, place: &str, result: impl Fn(&str) -> Vec<f64>, tolerance: f64) {
        let place = format!("{} {place}", self.name);
        self.loss.check(&format!("{place}, value"), &result("loss"), tolerance);
        self.gradient.check(&format!("{place}, gradient"), &result("gradient"), tolerance);
    }

    fn in_f64(&self, graph: &Graph) {
        let feeds: Vec<_> = self.feeds().into_iter().map(|(name, data)| (name, data.tensor())).collect();
        let run = Run { batch: self.output.shape[0], ..Run::default() };
        let results = evaluate(graph, &feeds, &[], &run).unwrap();
        let result = |name: &str| results.iter().find(|(n, _)| n == name).unwrap().1.data.clone();
        self.check("in f64", result, F64);
    }

    fn in_the_engine(&self, graph: &Graph) {
        let feeds = self.feeds();
        let floats: Vec<Vec<f32>> = feeds.iter().map(|(_, d)| d.data.iter().map(|&x| x as f32).collect()).collect();
        let integers: Vec<Vec<i32>> = feeds.iter().map(|(_, d)| d.data.iter().map(|&x| x as i32).collect()).collect();
        let given: Vec<_> = (feeds.iter().enumerate())
            .map(|(i, (name, data))| match data.dtype {
                DType::F32 => (*name, Feed::F32(&floats[i])),
                DType::I32 => (*name, Feed::I32(&integers[i])),
            })
            .collect();
        let mut store = Store::new(&[]).unwrap();
        let mut session = Session::new(&Runtime::new(Some(2)).unwrap(), graph.clone(), &store).unwrap();
        let info = StepInfo { seed: 0, step: 0, learning_rate: 0.0 };
        let results = session.run(&mut store, self.output.shape[0], &info, &given).unwrap();
        let result = |name: &str| results.get(name).unwrap().iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        self.check("in the engine", result, F32);
    }
}

#[test]
fn every_loss_agrees_with_keras_or_pytorch() {
    let text = std::fs::read_to_string(format!("{}/fixtures/losses.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let cases = serde_json::from_str::<File>(&text).unwrap().cases;
    for case in &cases {
        let graph = case.graph();
        case.in_f64(&graph);
        case.in_the_engine(&graph);
    }
    for name in NAMES {
        let loss: Loss = serde_json::from_str(&format!("{name:?}")).unwrap();
        assert!(cases.iter().any(|case| case.config.name() == loss.name()), "there is no fixture of {name}");
    }
}
