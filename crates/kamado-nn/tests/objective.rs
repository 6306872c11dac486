//! The loss of a batch: padding, ignored classes, sample weights, several outputs.

mod common;

use std::collections::BTreeMap;

use common::{run, weights};
use kamado_graph::tensor::Tensor;
use kamado_nn::layers::*;
use kamado_nn::losses::{Loss, SparseCategoricalCrossentropy};
use kamado_nn::model::{FunctionalBuilder, Model, ModelGraph, Objective, SampleWeight, Seed, Sequential};

const SPARSE: Loss = Loss::SPARSE_CATEGORICAL_CROSSENTROPY;

struct Evaluated {
    graph: ModelGraph,
    feeds: Vec<(String, Tensor)>,
    values: Vec<Tensor>,
    batch: usize,
}

impl Evaluated {
    fn new(model: &Model, objective: impl Into<Objective>, feeds: &[(&str, Vec<usize>, Vec<f64>)]) -> Self {
        let graph = model.evaluation_graph(objective).unwrap();
        graph.graph.verify().unwrap();
        let batch = feeds[0].1[0];
        let feeds = feeds.iter().map(|(n, s, d)| ((*n).to_owned(), Tensor::new(s.clone(), d.clone()))).collect();
        Evaluated { values: weights(&graph, model), graph, feeds, batch }
    }

    fn get(&self, output: &str) -> Vec<f64> {
        run(&self.graph, &self.feeds, &self.values, self.batch, output).data
    }
}

/// `-ln p[label]` of each row of four classes.
fn surprises(prediction: &[f64], labels: &[f64]) -> Vec<f64> {
    prediction.chunks(4).zip(labels).map(|(p, &label)| -p[label.max(0.0) as usize].ln()).collect()
}

fn close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let close = got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close, "{got:?}, expected {expected:?}");
}

fn tagger() -> Model {
    let layers = Sequential::with_tokens([3]).add(Embedding::new(5, 3).mask_zero(true));
    layers.add(Dense::new(4).activation(Activation::Softmax)).build(Seed(3)).unwrap()
}

#[test]
fn padded_steps_count_for_nothing() {
    let labels = vec![1.0, 0.0, 3.0, 2.0, 1.0, 0.0];
    let tokens = vec![1.0, 4.0, 0.0, 2.0, 0.0, 0.0];
    let model = tagger();
    let name = model.spec.inputs[0].name.as_str();
    let feeds = [(name, vec![2, 3], tokens), ("labels", vec![2, 3], labels.clone())];
    let evaluated = Evaluated::new(&model, SPARSE, &feeds);
    let each = surprises(&evaluated.get("prediction"), &labels);
    close(&evaluated.get("loss"), &[(each[0] + each[1] + each[3]) / 3.0]);
    close(&evaluated.get("loss_per_example"), &[(each[0] + each[1]) / 2.0, each[3]]);
    close(&evaluated.get("loss_counts"), &[1.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(evaluated.graph.places.to_string(), "[B, 3]");

    let objective = Objective { sample_weight: Some(SampleWeight::PerStep), ..SPARSE.into() };
    let weights = vec![2.0, 1.0, 9.0, 0.5, 9.0, 9.0];
    let [tokens, labels] = feeds;
    let evaluated = Evaluated::new(&model, objective, &[tokens, labels, ("sample_weight", vec![2, 3], weights)]);
    close(&evaluated.get("loss"), &[(2.0 * each[0] + each[1] + 0.5 * each[3]) / 3.0]);
}

#[test]
fn ignored_classes_and_weighted_examples() {
    let model = Sequential::new([2]).add(Dense::new(4).activation(Activation::Softmax)).build(Seed(3)).unwrap();
    let name = model.spec.inputs[0].name.as_str();
    let (x, labels) = (vec![0.1, -0.4, 0.7, 0.2, -1.0, 0.3], vec![2.0, -1.0, 0.0]);
    let ignoring = Loss::from(SparseCategoricalCrossentropy { ignore_class: Some(-1), ..Default::default() });
    let objective = Objective { sample_weight: Some(SampleWeight::PerExample), ..(&ignoring).into() };
    let feeds = [(name, vec![3, 2], x), ("labels", vec![3], labels.clone())];
    let plain = Evaluated::new(&model, &ignoring, &feeds);
    let each = surprises(&plain.get("prediction"), &labels);
    close(&plain.get("loss"), &[(each[0] + each[2]) / 2.0]);
    close(&plain.get("loss_per_example"), &[each[0], 0.0, each[2]]);
    let [x, labels] = feeds;
    let weighted = Evaluated::new(&model, objective, &[x, labels, ("sample_weight", vec![3], vec![3.0, 1.0, 0.0])]);
    close(&weighted.get("loss"), &[3.0 * each[0] / 2.0]);
}

#[test]
fn outputs_have_losses_and_weights_of_their_own() {
    let mut b = FunctionalBuilder::new();
    let x = b.input("x", [2]);
    let kind = b.named("kind", Dense::new(4).activation(Activation::Softmax), &[x]);
    let size = b.named("size", Dense::new(1), &[x]);
    let model = b.build(&[kind, size], Seed(3)).unwrap();
    let named = |name: &str, loss: Loss| BTreeMap::from([(name.to_owned(), loss)]);
    let weight = |name: &str, weight: f64| BTreeMap::from([(name.to_owned(), weight)]);
    let objective = Objective { losses: named("kind", SPARSE), loss_weights: weight("size", 0.5), ..Loss::MSE.into() };
    let feeds = [
        ("x", vec![2, 2], vec![0.1, -0.4, 0.7, 0.2]),
        ("labels.kind", vec![2], vec![1.0, 3.0]),
        ("labels.size", vec![2, 1], vec![0.3, -0.2]),
    ];
    let evaluated = Evaluated::new(&model, objective.clone(), &feeds);
    let each = surprises(&evaluated.get("prediction.kind"), &[1.0, 3.0]);
    let size = evaluated.get("prediction.size");
    let total = [each[0] + 0.5 * (size[0] - 0.3f64).powi(2), each[1] + 0.5 * (size[1] + 0.2f64).powi(2)];
    close(&evaluated.get("loss_per_example"), &total);
    close(&evaluated.get("loss"), &[(total[0] + total[1]) / 2.0]);

    let error = |objective: Objective| model.evaluation_graph(objective).unwrap_err().to_string();
    let unknown = error(Objective { losses: named("colour", SPARSE), ..objective.clone() });
    assert!(unknown.contains("no output \"colour\"") && unknown.contains("\"kind\", \"size\""), "{unknown}");
    assert!(error(Objective { loss_weights: weight("size", -1.0), ..objective.clone() }).contains("at least 0"));
    let steps = error(Objective { sample_weight: Some(SampleWeight::PerStep), ..objective });
    assert!(steps.contains("one weight per example"), "{steps}");
}
