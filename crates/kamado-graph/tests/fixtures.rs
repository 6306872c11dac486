//! The reference against PyTorch in float64: operators, composites, update rules and a small network in training.
//!
//! `fixtures/make.py` at the root of the repository wrote the numbers.

use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId, Role, VariableInfo};
use kamado_graph::interpreter::{Run, evaluate, step};
use kamado_graph::op::Op;
use kamado_graph::ops::Conv2d;
use kamado_graph::shape::{Shape, TensorType};
use kamado_graph::tensor::Tensor;
use kamado_graph::update::{Settings, StepInfo, UpdateRule};
use serde::Deserialize;
use serde_json::Value;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Data {
    shape: Vec<usize>,
    data: Vec<f64>,
}

impl Data {
    fn tensor(&self) -> Tensor {
        Tensor::new(self.shape.clone(), self.data.clone())
    }

    /// Whether `got` has this shape and these elements, within the tolerance relative to the largest.
    fn check(&self, what: &str, got: &Tensor) -> Result<(), String> {
        let largest = self.data.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE * largest + 1e-14;
        if got.shape == self.shape && got.data.iter().zip(&self.data).all(close) {
            return Ok(());
        }
        Err(format!("{what}: PyTorch says {:?} {:?}, we say {:?} {:?}", self.shape, self.data, got.shape, got.data))
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    op: String,
    attributes: Value,
    inputs: Vec<Data>,
    upstream: Data,
    output: Data,
    gradients: Vec<Option<Data>>,
}

fn read<T: serde::de::DeserializeOwned>(file: &str) -> Vec<T> {
    #[derive(Deserialize)]
    struct File<T> {
        cases: Vec<T>,
    }
    let text = std::fs::read_to_string(format!("{FIXTURES}/{file}")).expect(file);
    serde_json::from_str::<File<T>>(&text).unwrap_or_else(|e| panic!("{file}: {e}")).cases
}

fn number(attributes: &Value, name: &str) -> f64 {
    attributes[name].as_f64().unwrap_or_else(|| panic!("{name} is not in {attributes}"))
}

/// Adds what the case describes: an operator or a composite.
fn apply(graph: &mut Graph, case: &Case, x: &[NodeId]) -> Result<NodeId, GraphError> {
    let loss = match case.op.as_str() {
        "mse" => graph.mean_squared_error(x[0], x[1])?,
        "mae" => graph.mean_absolute_error(x[0], x[1])?,
        "huber" => graph.huber(x[0], x[1], number(&case.attributes, "delta"))?,
        "batch_norm" => {
            let axes: Vec<_> = (0..graph.shape(x[0]).rank() - 1).collect();
            let (mean, variance) = graph.moments(x[0], &axes)?;
            return graph.batch_norm(x[0], x[1], x[2], mean, variance, number(&case.attributes, "epsilon"));
        }
        name => {
            let mut attributes = case.attributes.clone();
            attributes["op"] = name.into();
            let op: Op = serde_json::from_value(attributes).unwrap_or_else(|e| panic!("{name}: {e}"));
            return graph.push(op, x);
        }
    };
    // PyTorch's losses are means over all elements.
    let axes: Vec<_> = (0..graph.shape(loss).rank()).collect();
    graph.mean(loss, &axes, false)
}

fn check(case: &Case) -> Result<(), String> {
    let fail = |e: GraphError| e.to_string();
    let mut graph = Graph::new();
    let input = |graph: &mut Graph, name: String, data: &Data| {
        let shape = Shape::fixed(&data.shape);
        let labels = case.op == "softmax_cross_entropy" && name == "1";
        graph.input(&name, if labels { TensorType::i32(shape) } else { TensorType::f32(shape) })
    };
    let inputs: Vec<_> = case.inputs.iter().enumerate().map(|(i, x)| input(&mut graph, i.to_string(), x)).collect();
    let inputs = inputs.into_iter().collect::<Result<Vec<_>, _>>().map_err(fail)?;
    let upstream = input(&mut graph, "upstream".into(), &case.upstream).map_err(fail)?;
    let y = apply(&mut graph, case, &inputs).map_err(fail)?;
    graph.set_output("y", y);
    let product = graph.mul(y, upstream).map_err(fail)?;
    let axes: Vec<_> = (0..case.output.shape.len()).collect();
    let loss = graph.sum(product, &axes, false).map_err(fail)?;
    let wanted: Vec<_> = (0..inputs.len()).filter(|&i| case.gradients[i].is_some()).collect();
    let targets: Vec<_> = wanted.iter().map(|&i| inputs[i]).collect();
    let gradients = graph.gradients(loss, &targets).map_err(fail)?;
    wanted.iter().zip(gradients).for_each(|(i, id)| graph.set_output(&i.to_string(), id));
    graph.verify().map_err(fail)?;

    let names: Vec<_> = (0..inputs.len()).map(|i| i.to_string()).collect();
    let mut feeds: Vec<_> = names.iter().zip(&case.inputs).map(|(n, x)| (n.as_str(), x.tensor())).collect();
    feeds.push(("upstream", case.upstream.tensor()));
    for (name, got) in evaluate(&graph, &feeds, &[], &Run::default()).map_err(fail)? {
        match name.parse::<usize>() {
            Ok(i) => case.gradients[i].as_ref().map_or(Ok(()), |g| g.check(&format!("gradient {i}"), &got))?,
            Err(_) => case.output.check("output", &got)?,
        }
    }
    Ok(())
}

#[test]
fn operators_and_composites() {
    let mut failures = Vec::new();
    let mut files = 0;
    for entry in std::fs::read_dir(FIXTURES).expect("the fixtures exist") {
        let file = entry.expect("the fixtures can be read").file_name().into_string().expect("plain names");
        if !file.ends_with(".json") || ["optimizers.json", "trajectory.json"].contains(&file.as_str()) {
            continue;
        }
        files += 1;
        for case in read::<Case>(&file) {
            if let Err(why) = check(&case) {
                failures.push(format!("{file}, {:?}: {why}", case.name));
            }
        }
    }
    assert!(files >= 25, "only {files} fixtures");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// The update rule, its settings and the learning rate that a fixture describes.
fn rule(optimizer: &Value) -> (UpdateRule, Settings, f64) {
    let mut attributes = optimizer.clone();
    attributes["rule"] = match optimizer["type"].as_str() {
        Some("adamw") => "adam".into(),
        Some("rmsprop") => "rms_prop".into(),
        _ => optimizer["type"].clone(),
    };
    let settings = Settings { weight_decay: optimizer["weight_decay"].as_f64().unwrap_or(0.0), ..Settings::default() };
    (serde_json::from_value(attributes).expect("an update rule"), settings, number(optimizer, "learning_rate"))
}

#[test]
fn update_rules() {
    #[derive(Deserialize)]
    struct Training {
        name: String,
        optimizer: Value,
        initial: Data,
        gradients: Vec<Data>,
        weights: Vec<Data>,
    }
    let cases: Vec<Training> = read("optimizers.json");
    assert!(cases.len() >= 10);
    for case in cases {
        let (rule, settings, learning_rate) = rule(&case.optimizer);
        let mut weights = case.initial.tensor();
        let mut slots: Vec<_> =
            rule.slots(&weights.shape).into_iter().map(|slot| Tensor::full(slot.shape, slot.start)).collect();
        for (t, (gradient, expected)) in case.gradients.iter().zip(&case.weights).enumerate() {
            let info = StepInfo { seed: 0, step: t as u64, learning_rate };
            weights = weights.map(|w| w * settings.kept(&info));
            rule.reference(&mut weights, &mut slots, &gradient.tensor(), &info);
            expected.check(&format!("{}, step {t}", case.name), &weights).unwrap();
        }
    }
}

/// A variable with its initial value, and the node that reads it.
fn variable(graph: &mut Graph, values: &mut Vec<Tensor>, name: &str, value: Tensor) -> Result<NodeId, GraphError> {
    let info = VariableInfo { name: name.into(), shape: value.shape.clone(), role: Role::Trainable };
    values.push(value);
    Ok(graph.variable(info)?.1)
}

/// Convolution, relu, dense, relu, dense, mean cross-entropy: the network of `fixtures/training.py`.
fn network(graph: &mut Graph, weights: &[NodeId]) -> Result<NodeId, GraphError> {
    let x = graph.input("x", TensorType::f32(Shape::batched(&[6, 6, 1])))?;
    let labels = graph.input("labels", TensorType::i32(Shape::batched(&[])))?;
    let conv = graph.conv2d(x, weights[0], Conv2d::default())?;
    let conv = graph.add(conv, weights[1])?;
    let conv = graph.relu(conv)?;
    let flat = graph.reshape(conv, Shape::batched(&[64]))?;
    let hidden = graph.matmul(flat, weights[2], false, false)?;
    let hidden = graph.add(hidden, weights[3])?;
    let hidden = graph.relu(hidden)?;
    let logits = graph.matmul(hidden, weights[4], false, false)?;
    let logits = graph.add(logits, weights[5])?;
    let loss = graph.softmax_cross_entropy(logits, labels)?;
    graph.mean(loss, &[0], false)
}

#[test]
fn a_network_in_training() {
    #[derive(Deserialize)]
    struct Trajectory {
        optimizer: Value,
        initial: std::collections::BTreeMap<String, Data>,
        batches: Vec<Data>,
        labels: Vec<Data>,
        losses: Vec<f64>,
        r#final: std::collections::BTreeMap<String, Data>,
    }
    let names = ["conv2d.kernel", "conv2d.bias", "dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"];
    let case = read::<Trajectory>("trajectory.json").pop().expect("a case");
    let (rule, settings, learning_rate) = rule(&case.optimizer);
    let (mut graph, mut values) = (Graph::new(), Vec::new());
    let weights: Vec<_> =
        names.iter().map(|n| variable(&mut graph, &mut values, n, case.initial[*n].tensor()).unwrap()).collect();
    let loss = network(&mut graph, &weights).unwrap();
    graph.set_output("loss", loss);
    let gradients = graph.gradients(loss, &weights).unwrap();
    for (i, value) in gradients.into_iter().enumerate() {
        let variable = kamado_graph::graph::VariableId(i as u32);
        graph.follow(rule, settings, variable, value, "optimizer");
    }
    for info in &graph.variables()[weights.len()..] {
        values.push(Tensor::full(info.shape.clone(), 0.0));
    }
    graph.verify().unwrap();
    for (t, ((batch, labels), expected)) in case.batches.iter().zip(&case.labels).zip(&case.losses).enumerate() {
        let feeds = [("x", batch.tensor()), ("labels", labels.tensor())];
        let run = Run { batch: batch.shape[0], info: StepInfo { seed: 0, step: t as u64, learning_rate } };
        let loss = step(&graph, &feeds, &mut values, &run).unwrap().remove(0).1.data[0];
        assert!((loss - expected).abs() <= TOLERANCE * expected, "step {t}: PyTorch's loss is {expected}, ours {loss}");
    }
    for (name, value) in names.iter().zip(&values) {
        case.r#final[*name].check(name, value).unwrap();
    }
}
