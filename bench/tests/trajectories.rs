//! Fifty training steps of whole networks against PyTorch in float64, from the same weights on the same data.
//!
//! `bench/reference/trajectories.py` wrote the losses.

use std::collections::BTreeMap;

use bench::Workload;
use bench::workload::unit;
use kamado_engine::{Runtime, Session, Store};
use kamado_graph::graph::{Role, VariableInfo};
use kamado_graph::update::StepInfo;
use kamado_nn::losses::Loss;
use kamado_nn::model::TrainingSpec;
use kamado_nn::optimizers::Adam;

/// The largest difference of a loss, relative to the loss itself.
const TOLERANCE: f64 = 1e-3;

/// Kernels and tables uniform with the variance 1 / (elements that meet in one result); scales 1, biases 0.
fn start(index: usize, info: &VariableInfo) -> Vec<f32> {
    let size: usize = info.shape.iter().product();
    match info.shape.split_last() {
        Some((_, lead)) if !lead.is_empty() => {
            let scale = (12.0 / lead.iter().product::<usize>() as f64).sqrt() as f32;
            let number = |i| ((f64::from(unit(index as u32, i)) - 0.5) * f64::from(scale)) as f32;
            (0..size).map(number).collect()
        }
        _ => vec![f32::from(info.name.ends_with("gamma") || info.name.ends_with("variance")); size],
    }
}

fn losses(workload: Workload, batch: usize, learning_rate: f64, steps: u64) -> Vec<f64> {
    let model = workload.model().unwrap();
    let loss = Loss::SPARSE_CATEGORICAL_CROSSENTROPY;
    let graph = model.training_graph(&TrainingSpec::new(loss, Adam::default())).unwrap().graph;
    let mut store = Store::new(graph.variables()).unwrap();
    let weights = graph.variables().iter().enumerate().filter(|(_, info)| info.role != Role::Slot);
    for (index, info) in weights {
        store.set(&info.name, &start(index, info)).unwrap();
    }
    let data = workload.random_batch(&graph, batch);
    let feeds: Vec<_> = data.iter().map(|(name, numbers)| (name.as_str(), numbers.feed())).collect();
    let mut session = Session::new(&Runtime::new(None).unwrap(), graph, &store).unwrap();
    let step = |step| {
        let info = StepInfo { seed: 1, step, learning_rate };
        f64::from(session.run(&mut store, batch, &info, &feeds).unwrap().get("loss").unwrap()[0])
    };
    (0..steps).map(step).collect()
}

fn follows(workload: Workload, batch: usize, learning_rate: f64) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/reference/trajectories.json");
    let text = std::fs::read_to_string(file).unwrap();
    let all: BTreeMap<String, Vec<f64>> = serde_json::from_str(&text).unwrap();
    let expected = &all[workload.name()];
    assert_eq!(expected.len(), 50);
    let got = losses(workload, batch, learning_rate, 50);
    let fell = expected[49] < 0.9 * expected[0];
    assert!(fell, "the reference learns: {} to {}", expected[0], expected[49]);
    for (step, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * b.abs(), "{}, step {step}: {a} instead of {b}", workload.name());
    }
}

#[test]
fn resnet20_follows_pytorch() {
    follows(Workload::Resnet20, 64, 1e-4);
}

#[test]
fn lstm_follows_pytorch() {
    follows(Workload::Lstm, 32, 1e-3);
}

#[test]
fn gpt_follows_pytorch() {
    follows(Workload::Gpt, 4, 1e-3);
}
