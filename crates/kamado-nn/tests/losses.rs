//! Losses against their definitions, and what they refuse.

mod common;

use common::{feeds, loss_of, random, run, weights};
use kamado_graph::tensor::Tensor;
use kamado_nn::layers::*;
use kamado_nn::losses::{BinaryCrossentropy, Huber, Loss, NAMES, SparseCategoricalCrossentropy};
use kamado_nn::model::{Model, Seed, Sequential, TrainingSpec};
use kamado_nn::optimizers::{Adam, RmsProp, Sgd};

const BATCH: usize = 5;

fn logits(name: &str) -> Loss {
    serde_json::from_value(serde_json::json!({ "type": name, "from_logits": true })).unwrap()
}

fn sparse_logits() -> Loss {
    SparseCategoricalCrossentropy { from_logits: true, ..SparseCategoricalCrossentropy::default() }.into()
}

fn model(activation: Activation) -> Model {
    Sequential::new([4]).add(Dense::new(3).activation(activation)).build(Seed(5)).unwrap()
}

/// Prediction, targets, loss per example and mean loss.
fn evaluate(model: &Model, loss: &Loss) -> (Tensor, Tensor, Tensor, f64) {
    let graph = model.evaluation_graph(loss).unwrap();
    graph.graph.verify().unwrap();
    let mut feeds = feeds(&graph, BATCH, 3);
    let targets = &mut feeds.iter_mut().find(|(n, _)| n == "labels").unwrap().1;
    if !matches!(loss, Loss::SparseCategoricalCrossentropy(_)) {
        *targets = targets.map(|t| 1.0 / (1.0 + t.exp()));
    }
    let (targets, values) = (targets.clone(), weights(&graph, model));
    let out = |name| run(&graph, &feeds, &values, BATCH, name);
    (out("prediction"), targets, out("loss_per_example"), loss_of(&graph, &feeds, &values, BATCH))
}

fn check(model: &Model, loss: Loss, definition: impl Fn(&[f64], &[f64]) -> f64) {
    let (prediction, targets, each, mean) = evaluate(model, &loss);
    let width = targets.data.len() / BATCH;
    let expected: Vec<f64> =
        prediction.data.chunks(3).zip(targets.data.chunks(width)).map(|(p, t)| definition(p, t)).collect();
    for (got, expected) in each.data.iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-12, "{}: {got}, not {expected}", loss.name());
    }
    assert_eq!(each.shape, [BATCH]);
    assert!((mean - expected.iter().sum::<f64>() / BATCH as f64).abs() < 1e-12, "{}", loss.name());
}

fn mean(p: &[f64], t: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    p.iter().zip(t).map(|(&p, &t)| f(p, t)).sum::<f64>() / p.len() as f64
}

#[test]
fn fused_losses_equal_their_definitions_on_probabilities() {
    let binary = |p: f64, t: f64| -t * p.ln() - (1.0 - t) * (1.0 - p).ln();
    check(&model(Activation::Softmax), Loss::SPARSE_CATEGORICAL_CROSSENTROPY, |p, t| -p[t[0] as usize].ln());
    check(&model(Activation::Softmax), Loss::CATEGORICAL_CROSSENTROPY, |p, t| 3.0 * mean(p, t, |p, t| -t * p.ln()));
    check(&model(Activation::Sigmoid), Loss::BINARY_CROSSENTROPY, |p, t| mean(p, t, binary));
}

#[test]
fn losses_of_differences() {
    let linear = model(Activation::Linear);
    check(&linear, Loss::MSE, |p, t| mean(p, t, |p, t| (p - t).powi(2)));
    check(&linear, Loss::MAE, |p, t| mean(p, t, |p, t| (p - t).abs()));
    let huber = |e: f64| if e <= 0.3 { e * e / 2.0 } else { 0.3 * e - 0.045 };
    check(&linear, Huber { delta: 0.3 }.into(), |p, t| mean(p, t, |p, t| huber((p - t).abs())));
}

#[test]
fn logits_give_the_same_loss_as_their_softmax() {
    let pairs = [
        (Activation::Softmax, Loss::SPARSE_CATEGORICAL_CROSSENTROPY, sparse_logits()),
        (Activation::Softmax, Loss::CATEGORICAL_CROSSENTROPY, logits("categorical_crossentropy")),
        (Activation::Sigmoid, Loss::BINARY_CROSSENTROPY, logits("binary_crossentropy")),
    ];
    for (activation, normalised, from_logits) in pairs {
        let (a, b) = (evaluate(&model(activation), &normalised), evaluate(&model(Activation::Linear), &from_logits));
        assert_eq!(a.2, b.2);
        assert_ne!(a.0, b.0, "the prediction keeps the activation");
    }
}

#[test]
fn a_reshape_after_the_softmax_changes_nothing() {
    let grid = |last: Vec<isize>| {
        Sequential::new([4])
            .add(Dense::new(6))
            .add(Reshape::new([2, 3]))
            .add(ActivationLayer::new(Activation::Softmax))
            .add(Reshape::new(last))
            .build(Seed(5))
            .unwrap()
    };
    let loss = Loss::SPARSE_CATEGORICAL_CROSSENTROPY;
    let graph = grid(vec![2, 1, 3]).evaluation_graph(&loss).unwrap();
    assert_eq!(graph.targets[0].ty.to_string(), "i32[B, 2, 1]");
    let error = grid(vec![3, 2]).evaluation_graph(&loss).unwrap_err().to_string();
    assert!(error.contains("not a softmax"), "the axis of the softmax is no longer the last: {error}");
}

#[test]
fn nonsense_is_refused_with_the_remedy() {
    let error = |activation, loss: Loss| model(activation).evaluation_graph(&loss).unwrap_err().to_string();
    assert_eq!(
        error(Activation::Linear, Loss::SPARSE_CATEGORICAL_CROSSENTROPY),
        "loss \"sparse_categorical_crossentropy\": the model's output is linear, not a softmax, so it is no \
         probability; give the last layer activation = \"softmax\", or set from_logits = true"
    );
    let twice = error(Activation::Softmax, sparse_logits());
    assert!(twice.contains("applied twice"), "{twice}");
    let other = error(Activation::Softmax, Loss::BINARY_CROSSENTROPY);
    assert!(other.contains("output is a softmax, not a sigmoid"), "{other}");
    let delta = error(Activation::Linear, Huber { delta: 0.0 }.into());
    assert!(delta.contains("delta must be greater than 0, got 0"), "{delta}");
    let scalar = Sequential::new([1]).add(Reshape::new([])).build(Seed(1)).unwrap();
    let error = scalar.evaluation_graph(&Loss::MSE).unwrap_err().to_string();
    assert!(error.contains("expected an output [B, …, units], got [B]"), "{error}");
}

#[test]
fn written_forms() {
    let read = |text: &str| serde_json::from_str::<Loss>(text);
    assert_eq!(read(r#""mse""#).unwrap(), Loss::MSE);
    assert_eq!(read(r#"{"type": "mae"}"#).unwrap(), Loss::MAE);
    assert_eq!(read(r#""huber""#).unwrap(), Huber { delta: 1.0 }.into());
    let from_logits = r#"{"type": "binary_crossentropy", "from_logits": true}"#;
    let expected = BinaryCrossentropy { from_logits: true, ..BinaryCrossentropy::default() };
    assert_eq!(read(from_logits).unwrap(), expected.into());
    assert!(read(r#"{"type": "mse", "delta": 1}"#).unwrap_err().to_string().contains("unknown field `delta`"));
    for name in NAMES {
        let loss = read(&format!("{name:?}")).unwrap();
        assert_eq!(read(&serde_json::to_string(&loss).unwrap()).unwrap(), loss);
    }
}

#[test]
fn training_graphs_hold_weights_averages_and_slots_in_this_order() {
    let spec = |ema| TrainingSpec { ema, ..TrainingSpec::new(Loss::MSE, Adam::default()) };
    let model = model(Activation::Linear);
    let graph = model.training_graph(&spec(Some(0.9))).unwrap();
    let names: Vec<_> = graph.graph.variables().iter().map(|v| v.name.as_str()).collect();
    let expected = [
        "dense.kernel",
        "dense.bias",
        "ema.dense.kernel",
        "ema.dense.bias",
        "adam.dense.kernel.m",
        "adam.dense.kernel.v",
        "adam.dense.bias.m",
        "adam.dense.bias.v",
    ];
    assert_eq!(names, expected);
    assert_eq!(graph.averaged(), [(2, 0), (3, 1)]);
    let mut values = weights(&graph, &model);
    assert_eq!(values[2], values[0]);
    assert!(values[4].data.iter().all(|&x| x == 0.0));
    let feeds = feeds(&graph, BATCH, 3);
    for _ in 0..2 {
        common::train_step(&graph, &feeds, &mut values, BATCH, 0.1);
    }
    // After two steps the average holds 0.1 of the weights after the first: those from before a step are taken in.
    assert!(values[2] != values[0] && values[2].data != random(&[4, 3], 0).data);
    assert!(model.training_graph(&spec(Some(1.0))).unwrap_err().to_string().starts_with("ema: expected"));
}

#[test]
fn every_optimiser_lowers_the_loss() {
    let nesterov = Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() };
    let rms = RmsProp { momentum: 0.5, ..RmsProp::default() };
    let optimizers = [nesterov.into(), Sgd::default().into(), Adam::default().into(), rms.into()];
    for optimizer in optimizers {
        let model = model(Activation::Softmax);
        let spec = TrainingSpec { loss: Loss::SPARSE_CATEGORICAL_CROSSENTROPY.into(), optimizer, ema: None };
        let graph = model.training_graph(&spec).unwrap();
        graph.graph.verify().unwrap();
        let (feeds, mut values) = (feeds(&graph, BATCH, 3), weights(&graph, &model));
        let first = common::train_step(&graph, &feeds, &mut values, BATCH, 1e-3);
        assert!(loss_of(&graph, &feeds, &values, BATCH) < first, "{}", spec.optimizer.name());
    }
}
