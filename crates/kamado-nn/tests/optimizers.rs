//! Every optimiser of Keras in float64 over twenty steps, and what accumulation, clipping, groups and averages promise.

mod common;

use std::collections::BTreeMap;

use common::weights;
use kamado_graph::graph::{Role, Update};
use kamado_graph::interpreter::{Run, step};
use kamado_graph::tensor::Tensor;
use kamado_graph::update::{StepInfo, UpdateRule};
use kamado_nn::layers::{Activation, Dense};
use kamado_nn::losses::Loss;
use kamado_nn::model::{Model, ModelGraph, Seed, Sequential, TrainingSpec};
use kamado_nn::optimizers::{Adam, AdamW, Group, NAMES, Optimizer, Options, Sgd};
use serde::Deserialize;

/// Relative to the largest number: those of Keras are written with fifteen digits, but its limits of
/// norms and sizes, in clipping and Adafactor, go through float32.
const TOLERANCE: f64 = 1e-10;
const LIMITED: f64 = 1e-6;

#[derive(Deserialize)]
struct Data {
    shape: Vec<usize>,
    data: Vec<f64>,
}

impl Data {
    fn tensor(&self) -> Tensor {
        Tensor::new(self.shape.clone(), self.data.clone())
    }
}

#[derive(Deserialize)]
struct Batch {
    x: Data,
    y: Data,
}

#[derive(Deserialize)]
struct Case {
    optimizer: Optimizer,
    losses: Vec<f64>,
    r#final: BTreeMap<String, Data>,
}

#[derive(Deserialize)]
struct File {
    initial: BTreeMap<String, Data>,
    batches: Vec<Batch>,
    cases: Vec<Case>,
}

fn file() -> File {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/optimizers/trajectories.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn model() -> Model {
    Sequential::new([5]).add(Dense::new(4).activation(Activation::Tanh)).add(Dense::new(3)).build(Seed(1)).unwrap()
}

fn graph(optimizer: Optimizer, ema: Option<f64>) -> ModelGraph {
    let spec = TrainingSpec { ema, ..TrainingSpec::new(Loss::MSE, optimizer) };
    let graph = model().training_graph(&spec).unwrap();
    graph.graph.verify().unwrap();
    graph
}

/// Takes a step; the loss before it.
fn take(graph: &ModelGraph, values: &mut [Tensor], at: u64, rate: f64, x: Tensor, y: Tensor) -> f64 {
    let run = Run { batch: x.shape[0], info: StepInfo { seed: 1, step: at, learning_rate: rate } };
    let input = graph.graph.inputs().map(|(name, _)| name.to_owned()).find(|name| name != "labels").unwrap();
    let outputs = step(&graph.graph, &[(&input, x), ("labels", y)], values, &run).unwrap();
    outputs.into_iter().find(|(name, _)| name == "loss").unwrap().1.data[0]
}

#[test]
fn trajectories_are_those_of_keras() {
    let file = file();
    let mut seen: Vec<_> = file.cases.iter().map(|case| case.optimizer.name()).collect();
    seen.dedup();
    assert_eq!(seen, NAMES);
    for case in &file.cases {
        let what = serde_json::to_string(&case.optimizer).unwrap();
        let Options { clipnorm, clipvalue, global_clipnorm, .. } = case.optimizer.options;
        let exact = clipnorm.or(clipvalue).or(global_clipnorm).is_none() && case.optimizer.name() != "adafactor";
        let tolerance = if exact { TOLERANCE } else { LIMITED };
        let graph = graph(case.optimizer.clone(), None);
        let mut values = weights(&graph, &model());
        let names: Vec<_> = graph.graph.variables().iter().map(|v| v.name.clone()).collect();
        let variable = |name: &str| names.iter().position(|n| n == name).unwrap();
        file.initial.iter().for_each(|(name, value)| values[variable(name)] = value.tensor());
        for (at, (batch, expected)) in file.batches.iter().zip(&case.losses).enumerate() {
            let rate = case.optimizer.learning_rate_at(at as u64, file.batches.len() as u64);
            let loss = take(&graph, &mut values, at as u64, rate, batch.x.tensor(), batch.y.tensor());
            assert!((loss - expected).abs() <= tolerance * expected, "{what}, step {at}: {loss}, not {expected}");
        }
        for (name, expected) in &case.r#final {
            let largest = expected.data.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            for (got, expected) in values[variable(name)].data.iter().zip(&expected.data) {
                assert!((got - expected).abs() <= tolerance * largest, "{what}, {name}: {got}, not {expected}");
            }
        }
    }
}

/// The examples `rows` of all batches of the file, one after another.
fn examples(file: &File, rows: std::ops::Range<usize>) -> [Tensor; 2] {
    let all = |pick: fn(&Batch) -> &Data, width: usize| {
        let data: Vec<f64> = file.batches.iter().flat_map(|batch| pick(batch).data.clone()).collect();
        Tensor::new(vec![rows.len(), width], data[rows.start * width..rows.end * width].to_vec())
    };
    [all(|batch| &batch.x, 5), all(|batch| &batch.y, 3)]
}

#[test]
fn small_batches_that_are_accumulated_equal_a_large_one() {
    let file = file();
    for name in NAMES {
        for (clip, n) in [(None, 4), (Some(0.1), 5)] {
            let rule: Optimizer = serde_json::from_str(&format!("{name:?}")).unwrap();
            let with = |n| {
                let options =
                    Options { gradient_accumulation_steps: Some(n), global_clipnorm: clip, ..Options::default() };
                graph(Optimizer { options, ..rule.clone() }, None)
            };
            let (large, small) = (with(1), with(n));
            let (mut one, mut many) = (weights(&large, &model()), weights(&small, &model()));
            for update in 0..2 {
                let first = update * 4 * n as usize;
                let [x, y] = examples(&file, first..first + 4 * n as usize);
                take(&large, &mut one, update as u64, 0.1, x, y);
                for i in 0..n as usize {
                    let before = many[..4].to_vec();
                    let [x, y] = examples(&file, first + 4 * i..first + 4 * (i + 1));
                    take(&small, &mut many, update as u64 * n + i as u64, 0.1, x, y);
                    assert_eq!(many[..4] != before, i + 1 == n as usize, "{name} moves in the last step only");
                }
            }
            for (a, b) in one[..4].iter().zip(&many) {
                // Lion's steps are of one size however small the gradient, so it shows no rounding at all.
                let near = a.data.iter().zip(&b.data).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + a.abs()));
                assert!(near, "{name}: {a:?} {b:?}");
            }
        }
    }
}

#[test]
fn averages_move_when_weights_do() {
    let file = file();
    for name in NAMES {
        let rule: Optimizer = serde_json::from_str(&format!("{name:?}")).unwrap();
        let options = Options { gradient_accumulation_steps: Some(3), ..Options::default() };
        let graph = graph(Optimizer { options, ..rule }, Some(0.99));
        let mut values = weights(&graph, &model());
        let averaged = graph.averaged();
        let mut expected: Vec<Tensor> = averaged.iter().map(|(_, weight)| values[*weight].clone()).collect();
        for at in 0..9 {
            if at % 3 == 2 {
                // As for batches that are not accumulated: what was there before the update is taken in.
                let update = (at / 3) as f64;
                let kept = f64::min(0.99, (1.0 + update) / (10.0 + update));
                for (average, (_, weight)) in expected.iter_mut().zip(&averaged) {
                    average
                        .data
                        .iter_mut()
                        .zip(&values[*weight].data)
                        .for_each(|(a, w)| *a = kept * *a + (1.0 - kept) * w);
                }
            }
            let [x, y] = examples(&file, 4 * at..4 * at + 4);
            take(&graph, &mut values, at as u64, 0.1, x, y);
            for (expected, (average, _)) in expected.iter().zip(&averaged) {
                let near = expected.data.iter().zip(&values[*average].data).all(|(a, b)| (a - b).abs() < 1e-12);
                assert!(near, "{name}, step {at}");
            }
        }
    }
}

#[test]
fn schedules_count_updates() {
    let text = r#"{"type": "adam", "gradient_accumulation_steps": 4,
                   "learning_rate": {"type": "cosine_decay", "initial_learning_rate": 1.0}}"#;
    let optimizer: Optimizer = serde_json::from_str(text).unwrap();
    let rates: Vec<_> = (0..16).map(|step| optimizer.learning_rate_at(step, 16)).collect();
    for (step, rate) in rates.iter().enumerate() {
        assert_eq!(*rate, optimizer.learning_rate().at(step as u64 / 4, 4));
    }
    assert_eq!(rates[..4], [1.0; 4]);
}

fn groups() -> Optimizer {
    let group =
        |pattern: &str, learning_rate, weight_decay| Group { pattern: pattern.into(), learning_rate, weight_decay };
    AdamW::default().with(Options {
        exclude_from_weight_decay: vec!["bias".into()],
        groups: vec![group("dense_1.kernel", 0.1, Some(0.0)), group("dense_1", 0.5, Some(1.0))],
        ..Options::default()
    })
}

#[test]
fn the_first_group_counts_and_exclusion_wins() {
    let graph = graph(groups(), None).graph;
    let settings = |update: &Update| {
        let name = graph.variables()[update.variable.index()].name.as_str();
        (name, update.settings.learning_rate, update.settings.weight_decay)
    };
    let expected = [
        ("dense.kernel", 1.0, 0.004),
        ("dense.bias", 1.0, 0.0),
        ("dense_1.kernel", 0.1, 0.0),
        ("dense_1.bias", 0.5, 0.0),
    ];
    assert_eq!(graph.updates().iter().map(settings).collect::<Vec<_>>(), expected);
}

#[test]
fn a_norm_that_is_not_finite_is_not_hidden() {
    let huge = |_: &[usize]| 1e200;
    for options in [
        Options { clipnorm: Some(1.0), ..Options::default() },
        Options { global_clipnorm: Some(1.0), ..Options::default() },
    ] {
        let graph = graph(Sgd::default().with(options), None);
        let mut values = weights(&graph, &model());
        take(&graph, &mut values, 0, 0.1, Tensor::from_fn(vec![2, 5], huge), Tensor::from_fn(vec![2, 3], huge));
        assert!(values[2].data.iter().all(|w| w.is_nan()));
    }
}

#[test]
fn slots_have_the_shape_and_start_that_the_rule_says() {
    let model = model();
    for (text, expected) in [
        (
            r#""adafactor""#,
            vec![("adafactor.dense.kernel.r", vec![5], 0.0), ("adafactor.dense.kernel.c", vec![4], 0.0)],
        ),
        (r#""adagrad""#, vec![("adagrad.dense.kernel.accumulator", vec![5, 4], f64::from(0.1_f32))]),
    ] {
        let optimizer: Optimizer = serde_json::from_str(text).unwrap();
        let (graph, state) = (graph(optimizer.clone(), None), optimizer.state_len(&[5, 4]).unwrap());
        let values = weights(&graph, &model);
        let slots = graph.graph.variables().iter().zip(&values).filter(|(v, _)| v.role == Role::Slot);
        let slots: Vec<_> = slots.map(|(v, value)| (v.name.as_str(), v.shape.clone(), value.data[0])).collect();
        assert_eq!(slots[..expected.len()], expected);
        assert_eq!(state, expected.iter().map(|(_, shape, _)| shape.iter().product::<usize>()).sum::<usize>());
    }
}

#[test]
fn options_are_written_beside_the_settings_of_the_rule() {
    let text = r#"{"type":"adam","learning_rate":0.001,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-7,"amsgrad":false,"weight_decay":0.1,"global_clipnorm":1.0,"gradient_accumulation_steps":4,"exclude_from_weight_decay":["bias"],"groups":[{"match":"dense","learning_rate":0.1}]}"#;
    let optimizer: Optimizer = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&optimizer).unwrap(), text);
    assert!(matches!(optimizer.update_rule(), Ok(UpdateRule::Adam(_))));
    assert_eq!(optimizer.options.gradient_accumulation_steps, Some(4));
    let unknown = serde_json::from_str::<Optimizer>(r#"{"type": "adam", "clip": 1}"#).unwrap_err().to_string();
    assert!(unknown.contains("unknown field `clip`"), "{unknown}");
}

#[test]
fn options_out_of_range_are_named() {
    let error = |options: Options| Adam::default().with(options).update_rule().unwrap_err().to_string();
    let plain = Options::default;
    assert_eq!(error(Options { clipnorm: Some(0.0), ..plain() }), "adam.clipnorm: expected more than 0, got 0");
    assert_eq!(
        error(Options { clipnorm: Some(1.0), clipvalue: Some(1.0), ..plain() }),
        "adam.clipvalue: cannot be combined with clipnorm; leave one of them out"
    );
    let steps = error(Options { gradient_accumulation_steps: Some(0), ..plain() });
    assert_eq!(steps, "adam.gradient_accumulation_steps: expected 1 to 1048576, got 0");
    assert!(error(Options { exclude_from_weight_decay: vec![String::new()], ..plain() }).contains("matches every"));
    let group = |pattern: &str, rate| Group { pattern: pattern.into(), learning_rate: rate, weight_decay: None };
    assert!(error(Options { groups: vec![group("", 1.0)], ..plain() }).starts_with("adam.groups[0].match: is empty"));
    let rate = error(Options { groups: vec![group("x", -1.0)], ..plain() });
    assert_eq!(rate, "adam.groups[0].learning_rate: expected 0 or more, got -1");
    let misspelt = Adam::default().with(Options { groups: vec![group("embeding", 0.1)], ..plain() });
    let error = model().training_graph(&TrainingSpec::new(Loss::MSE, misspelt)).unwrap_err().to_string();
    let names = "dense.kernel, dense.bias, dense_1.kernel, dense_1.bias";
    assert_eq!(error, format!("adam.groups: \"embeding\" occurs in the path of no weight; there are {names}"));
}
