//! Each check with what it must refuse; and configurations in which nothing is found.

use kamado_data::{Dataset, FeatureData, Features, Labels};
use kamado_nn::layers::{Activation, ActivationLayer, Conv2d, Dense, Dropout, Flatten, Reshape};
use kamado_nn::losses::{BinaryCrossentropy, Loss};
use kamado_nn::model::{FunctionalBuilder, ModelSpec, Sequential};

use super::*;
use crate::testing::{SPARSE_LOGITS, classes, values};

const SPARSE: Loss = Loss::SPARSE_CATEGORICAL_CROSSENTROPY;
const CATEGORICAL: Loss = Loss::CATEGORICAL_CROSSENTROPY;
const BINARY: Loss = Loss::BINARY_CROSSENTROPY;
const BINARY_LOGITS: Loss = Loss::BinaryCrossentropy(BinaryCrossentropy { from_logits: true, label_smoothing: 0.0 });

fn dense(units: usize, activation: Activation) -> ModelSpec {
    Sequential::new([2]).add(Dense::new(8)).add(Dense::new(units).activation(activation)).spec()
}

fn report(spec: &ModelSpec, loss: Loss, train: &Dataset) -> Report {
    let graph = spec.inference_graph().unwrap().graph;
    Subject::new(spec, &graph, &loss, train, Some(train), 4).check()
}

/// The only finding, whose texts must hold these words.
fn only(report: Report, severity: Severity, words: &[&str]) {
    let [finding] = &report.findings[..] else { panic!("expected one finding:\n{report}") };
    assert_eq!(finding.severity, severity, "{finding}");
    for word in words {
        assert!(finding.to_string().contains(word), "no {word:?} in\n{finding}");
    }
}

fn digits() -> Dataset {
    classes(&(0..40).map(|i| i % 10).collect::<Vec<_>>(), 10)
}

fn floats(shape: &[usize], numbers: Vec<f32>) -> Dataset {
    let n = numbers.len() / shape.iter().product::<usize>();
    let features = Features { shape: shape.to_vec(), data: FeatureData::F32(numbers), max_value: 1.0 };
    let indices = (0..n as i32).map(|i| i % 2).collect();
    Dataset::new("floats", features, Labels::Classes { indices, names: vec!["no".into(), "yes".into()] }).unwrap()
}

#[test]
fn nothing_is_found_where_all_is_well() {
    let two = classes(&[0, 1, 1, 0], 2);
    let reshaped = |shape: [isize; 2]| {
        let model = Sequential::new([2]).add(Dense::new(10).activation(Activation::Softmax));
        model.add(Reshape::new(shape)).add(Flatten).spec()
    };
    only(report(&reshaped([5, 2]), SPARSE, &digits()), Severity::Error, &["rows were reshaped"]);
    let good = [
        (reshaped([1, 10]), SPARSE, digits()),
        (dense(10, Activation::Softmax), SPARSE, digits()),
        (dense(10, Activation::Softmax), CATEGORICAL, digits()),
        (dense(10, Activation::Linear), SPARSE_LOGITS, digits()),
        (dense(10, Activation::Sigmoid), BINARY, digits()),
        (dense(1, Activation::Sigmoid), BINARY, two.clone()),
        (dense(1, Activation::Linear), BINARY_LOGITS, two.clone()),
        (dense(2, Activation::Softmax), SPARSE, two),
        (dense(1, Activation::Linear), Loss::MSE, values(&[0.1, -5.0, 7.0, 2.0], 1)),
        (dense(1, Activation::Sigmoid), Loss::MAE, values(&[0.1, 0.5, 1.0, 0.0], 1)),
        (dense(2, Activation::Sigmoid), BINARY, values(&[0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0], 2)),
        (dense(2, Activation::Softmax), CATEGORICAL, values(&[0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.5, 0.5], 2)),
    ];
    for (spec, loss, data) in good {
        let report = report(&spec, loss.clone(), &data);
        assert!(report.findings.is_empty(), "{loss:?}:\n{report}");
    }
}

#[test]
fn the_listing_that_circulates_is_refused_with_the_remedy() {
    let words = [
        "model.layers[1] \"dense_1\"",
        "tells two classes apart",
        "10 classes",
        "below zero",
        "dense 10 softmax",
        "sparse_categorical_crossentropy",
        "labels of two classes",
    ];
    only(report(&dense(1, Activation::Sigmoid), BINARY, &digits()), Severity::Error, &words);
}

#[test]
fn more_classes_than_units_is_refused_and_fewer_is_warned_of() {
    let few = report(&dense(8, Activation::Softmax), SPARSE, &digits());
    only(few, Severity::Error, &["10 classes", "8 units", "example 8 of the training data", "units = 10"]);
    let many = report(&dense(12, Activation::Softmax), SPARSE, &digits());
    only(many, Severity::Warning, &["12 units", "stand for nothing"]);
    only(report(&dense(12, Activation::Softmax), CATEGORICAL, &digits()), Severity::Error, &["12 units"]);
    only(report(&dense(3, Activation::Sigmoid), BINARY, &digits()), Severity::Error, &["3 units"]);
}

#[test]
fn softmax_twice_is_refused_however_it_comes_about() {
    let layers = Sequential::new([2])
        .add(Dense::new(10).activation(Activation::Softmax))
        .add(Dropout::new(0.5))
        .add(Reshape::new([2, 5]))
        .add(Flatten)
        .add(ActivationLayer::new(Activation::Softmax))
        .spec();
    only(report(&layers, SPARSE, &digits()), Severity::Error, &["model.layers[4]", "model.layers[0]", "applied twice"]);
    let with_loss = report(&dense(10, Activation::Softmax), SPARSE_LOGITS, &digits());
    only(with_loss, Severity::Error, &["applied twice", "leave out from_logits"]);
    let sigmoid = report(&dense(1, Activation::Sigmoid), BINARY_LOGITS, &classes(&[0, 1, 0, 1], 2));
    only(sigmoid, Severity::Error, &["applied twice"]);
}

#[test]
fn softmax_over_one_unit_is_refused() {
    let two = classes(&[0, 1, 0, 1], 2);
    only(report(&dense(1, Activation::Softmax), BINARY, &two), Severity::Error, &["always 1", "sigmoid"]);
    let sparse = report(&dense(1, Activation::Softmax), SPARSE, &digits());
    assert!(sparse.to_string().contains("always 1") && sparse.to_string().contains("dense 10 softmax"), "{sparse}");
}

#[test]
fn cross_entropy_on_what_is_no_probability_is_refused() {
    let of = |units, activation, loss, data: &Dataset| report(&dense(units, activation), loss, data);
    let two = classes(&[0, 1, 0, 1], 2);
    let remedy = ["activation = \"softmax\"", "from_logits = true"];
    only(of(10, Activation::Linear, SPARSE, &digits()), Severity::Error, &remedy);
    only(of(10, Activation::Relu, SPARSE, &digits()), Severity::Error, &["a relu", "activation = \"softmax\""]);
    only(of(10, Activation::Sigmoid, SPARSE, &digits()), Severity::Error, &["independent", "softmax"]);
    only(of(1, Activation::Linear, BINARY, &two), Severity::Error, &["activation = \"sigmoid\"", "from_logits"]);
    only(of(10, Activation::Softmax, BINARY, &digits()), Severity::Error, &["sparse_categorical_crossentropy"]);
    only(of(10, Activation::Tanh, SPARSE_LOGITS, &digits()), Severity::Warning, &["a tanh", "remove"]);
    only(of(1, Activation::Sigmoid, SPARSE, &two), Severity::Error, &["dense 1 sigmoid", "binary_crossentropy"]);
}

#[test]
fn labels_must_be_of_the_kind_that_the_loss_takes() {
    let targets = values(&[0.5, 3.0, -1.0, 2.0], 1);
    only(report(&dense(2, Activation::Softmax), SPARSE, &targets), Severity::Error, &["class per example", "mse"]);
    only(report(&dense(2, Activation::Linear), Loss::MSE, &targets), Severity::Error, &["2 units", "units = 1"]);
    only(report(&dense(1, Activation::Sigmoid), BINARY, &targets), Severity::Error, &["3 labels", "lower bound"]);
    only(report(&dense(1, Activation::Relu), Loss::MSE, &targets), Severity::Warning, &["a relu", "1 targets"]);
    let missing = values(&[0.5, f32::NAN, -1.0, f32::INFINITY], 1);
    only(report(&dense(1, Activation::Linear), Loss::MSE, &missing), Severity::Error, &["2 labels are NaN"]);
}

#[test]
fn a_regression_loss_on_classes_is_refused_or_warned_of() {
    only(report(&dense(1, Activation::Linear), Loss::MSE, &digits()), Severity::Error, &["as if they were a quantity"]);
    only(report(&dense(3, Activation::Linear), Loss::MAE, &digits()), Severity::Error, &["3 units"]);
    only(report(&dense(10, Activation::Softmax), Loss::MSE, &digits()), Severity::Warning, &["for quantities"]);
}

#[test]
fn an_empty_class_is_refused() {
    let data = classes(&[0, 2, 0, 2], 4);
    let report = report(&dense(4, Activation::Softmax), SPARSE, &data);
    only(report, Severity::Error, &["2 of 4 classes", "\"class 1\", \"class 3\""]);
}

#[test]
fn numbers_that_are_none_are_counted_and_found() {
    let mut numbers: Vec<f32> = (0..12).map(|i| i as f32).collect();
    (numbers[5], numbers[6], numbers[7]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    let data = floats(&[2], numbers.clone());
    let spec = dense(1, Activation::Sigmoid);
    let report = |train: &Dataset, validation: Option<&Dataset>| {
        Subject::new(&spec, &spec.inference_graph().unwrap().graph, &BINARY, train, validation, 4).check()
    };
    only(
        report(&data, None),
        Severity::Error,
        &["training data", "3 numbers", "2 of 6 examples", "first is example 2"],
    );
    let good = data.subset(&[0, 1, 4, 5]).unwrap();
    assert!(report(&good, None).findings.is_empty());
    only(report(&good, Some(&data)), Severity::Error, &["validation data", "3 numbers"]);
}

#[test]
fn input_that_never_changes_is_refused() {
    let spec = dense(1, Activation::Sigmoid);
    let same = floats(&[2], [0.5, 0.25].repeat(4));
    let finding = Subject::new(&spec, &spec.inference_graph().unwrap().graph, &BINARY, &same, None, 4).check();
    only(finding, Severity::Error, &["all 4 examples are the same"]);
    // A view of a single example is constant in no sense that matters.
    let one = same.subset(&[0, 1]).unwrap();
    let data = floats(&[2], vec![0.5, 0.25, 0.5, 0.75]);
    assert_eq!(one.len(), data.len());
    assert!(
        Subject::new(&spec, &spec.inference_graph().unwrap().graph, &BINARY, &data, None, 2)
            .check()
            .findings
            .is_empty()
    );
}

#[test]
fn a_wrong_input_shape_is_refused() {
    let images = floats(&[2, 2, 1], (0..16).map(|i| i as f32).collect());
    let spec = Sequential::new([4]).add(Dense::new(1).activation(Activation::Sigmoid)).spec();
    only(report(&spec, BINARY, &images), Severity::Error, &["[4]", "[2, 2, 1]"]);
    let spec = Sequential::new([2, 2, 1])
        .add(Conv2d::new(2, [2, 2]))
        .add(Flatten)
        .add(Dense::new(1).activation(Activation::Sigmoid))
        .spec();
    assert!(report(&spec, BINARY, &images).findings.is_empty());
}

#[test]
fn unused_layers_and_inputs_are_refused() {
    let mut b = FunctionalBuilder::new();
    let x = b.input("x", [2]);
    let y = b.layer(Dense::new(1).activation(Activation::Sigmoid), &[x]);
    b.named("lost", Dense::new(3), &[x]);
    let data = classes(&[0, 1, 0, 1], 2);
    only(report(&b.clone().spec(&[y]), BINARY, &data), Severity::Error, &["model.layers[1] \"lost\"", "remove"]);

    let mut b = FunctionalBuilder::new();
    let (x, _) = (b.input("x", [2]), b.input("forgotten", [2]));
    let y = b.layer(Dense::new(1).activation(Activation::Sigmoid), &[x]);
    let z = b.layer(Dense::new(1).activation(Activation::Sigmoid), &[x]);
    let text = report(&b.spec(&[y, z]), BINARY, &data).to_string();
    for words in ["model input \"forgotten\"", "2 inputs (\"x\", \"forgotten\")", "2 outputs"] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
}

#[test]
fn an_output_with_more_axes_is_no_class_per_unit() {
    let data = floats(&[2, 2, 1], (0..16).map(|i| i as f32).collect());
    let spec = Sequential::new([2, 2, 1]).add(Dense::new(2).activation(Activation::Softmax)).spec();
    only(report(&spec, SPARSE, &data), Severity::Error, &["[B, 2, 2, 2]", "flatten"]);
}

#[test]
fn a_batch_larger_than_the_data_is_warned_of() {
    let (spec, data) = (dense(10, Activation::Softmax), digits());
    let report = Subject::new(&spec, &spec.inference_graph().unwrap().graph, &SPARSE, &data, None, 41).check();
    only(report, Severity::Warning, &["batch size is 41", "only 40"]);
}

#[test]
fn validation_data_of_another_kind_is_refused() {
    let (spec, train, other) = (dense(10, Activation::Softmax), digits(), classes(&[0, 1], 2));
    let report = Subject::new(&spec, &spec.inference_graph().unwrap().graph, &SPARSE, &train, Some(&other), 4).check();
    only(report, Severity::Error, &["validation data", "2 classes", "10 classes"]);
}

#[test]
fn everything_is_found_at_once() {
    let numbers = [vec![f32::NAN; 8], vec![0.0; 8]].concat();
    let features = Features { shape: vec![4], data: FeatureData::F32(numbers), max_value: 1.0 };
    let names = (0..4).map(|i| i.to_string()).collect();
    let data = Dataset::new("bad", features, Labels::Classes { indices: vec![0, 1, 3, 0], names }).unwrap();
    let report = report(&dense(3, Activation::Linear), SPARSE, &data);
    assert!(report.findings.len() >= 5, "{report}");
}
