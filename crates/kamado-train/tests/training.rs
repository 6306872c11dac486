//! Training from end to end on tiny data, against closed forms.
#![forbid(unsafe_code)]

use std::time::Duration;

use kamado_data::{Dataset, FeatureData, Features, Labels, Preprocessing};
use kamado_nn::layers::{Activation, Dense};
use kamado_nn::losses::Loss;
use kamado_nn::model::{Model, Seed, Sequential};
use kamado_nn::model_file::ModelFile;
use kamado_nn::optimizers::{Adam, Optimizer, Sgd};
use kamado_train::{
    Callback, EpochRecord, Evaluation, Fit, Metric, Predictor, StopFlag, TrainError, TrainInfo, Trainer,
};

fn dataset(features: Vec<f32>, width: usize, labels: Labels) -> Dataset {
    let features = Features { shape: vec![width], data: FeatureData::F32(features), max_value: 1.0 };
    Dataset::new("points", features, labels).unwrap()
}

/// 22 points in the plane: class 1 inside the unit circle around (1, 1), else 0; not linearly separable.
fn ring() -> Dataset {
    let mut features = vec![1.0, 1.0, 0.9, 1.2];
    let mut indices = vec![1, 1];
    for i in 0..20 {
        let (angle, inside) = (i as f32 * 0.6, i % 2 == 1);
        let radius = if inside { 0.4 } else { 1.6 };
        features.extend([1.0 + radius * angle.cos(), 1.0 + radius * angle.sin()]);
        indices.push(i32::from(inside));
    }
    dataset(features, 2, Labels::Classes { indices, names: vec!["outside".into(), "inside".into()] })
}

/// `y = 2x - 1` at five points.
fn line() -> Dataset {
    let x = [-1.0f32, -0.5, 0.0, 0.5, 1.0];
    let data = x.iter().map(|x| 2.0 * x - 1.0).collect();
    dataset(x.to_vec(), 1, Labels::Values { width: 1, data })
}

fn classifier(seed: u64) -> Model {
    let model = Sequential::new([2]).add(Dense::new(16).activation(Activation::Tanh));
    model.add(Dense::new(2).activation(Activation::Softmax)).build(Seed(seed)).unwrap()
}

fn classify(optimizer: impl Into<Optimizer>) -> Trainer {
    Trainer::new(classifier(1), optimizer, Loss::SPARSE_CATEGORICAL_CROSSENTROPY).unwrap().metric(Metric::Accuracy)
}

fn sgd(rate: f64) -> Sgd {
    Sgd { learning_rate: rate.into(), ..Sgd::default() }
}

fn regress(rate: f64) -> Trainer {
    let model = Sequential::new([1]).add(Dense::new(1)).build(Seed(3)).unwrap();
    Trainer::new(model, sgd(rate), Loss::MSE).unwrap()
}

fn weights(trainer: &Trainer) -> Vec<f32> {
    trainer.model().variables.iter().flat_map(|v| v.value.clone()).collect()
}

#[test]
fn learns_what_a_line_cannot_tell_apart() {
    let data = ring();
    let mut trainer = classify(Adam { learning_rate: 0.03.into(), ..Adam::default() });
    let before = trainer.evaluate(&data).unwrap();
    let fit = Fit { epochs: 60, batch_size: 8, validation: Some(&data), ..Fit::default() };
    let history = trainer.fit(&data, fit).unwrap();
    assert_eq!((history.epochs.len(), history.interrupted), (60, false));
    let last = history.epochs[59].validation.clone().unwrap();
    assert_eq!(trainer.evaluate(&data).unwrap(), last);
    assert_eq!(last.get("accuracy"), Some(1.0));
    assert!(last.loss < 0.1 * before.loss, "{} before, {} after", before.loss, last.loss);
}

#[test]
fn every_example_weighs_the_same_in_the_last_partial_batch_too() {
    let data = ring();
    // With a learning rate of 0 the epoch's running means are those of unchanging weights.
    let mut trainer = classify(sgd(0.0));
    let fit = |batch_size| Fit { epochs: 1, batch_size, ..Fit::default() };
    let rows = trainer.predict(&data).unwrap();
    let classes = data.classes().unwrap();
    let probability = |(row, class): (&[f32], &i32)| -f64::from(row[*class as usize]).ln();
    let loss = rows.rows().zip(&classes).map(probability).sum::<f64>() / 22.0;
    for batch_size in [5, 7, 22, 32] {
        let train = trainer.fit(&data, fit(batch_size)).unwrap().epochs[0].train.clone();
        let evaluation = trainer.evaluate(&data).unwrap();
        assert!((train.loss - loss).abs() < 1e-6, "batches of {batch_size}: {} and {loss}", train.loss);
        assert!((evaluation.loss - loss).abs() < 1e-6);
        assert_eq!(train.get("accuracy"), evaluation.get("accuracy"));
    }
}

#[test]
fn a_step_of_gradient_descent_is_the_closed_form() {
    let (data, rate) = (line(), 0.1);
    let mut trainer = regress(rate);
    let before = weights(&trainer);
    let (w, b) = (f64::from(before[0]), f64::from(before[1]));
    let (mut dw, mut db) = (0.0, 0.0);
    for x in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        let error = w * x + b - (2.0 * x - 1.0);
        (dw, db) = (dw + 2.0 * error * x / 5.0, db + 2.0 * error / 5.0);
    }
    trainer.fit(&data, Fit { epochs: 1, batch_size: 5, ..Fit::default() }).unwrap();
    let after = weights(&trainer);
    assert!((f64::from(after[0]) - (w - rate * dw)).abs() < 1e-6);
    assert!((f64::from(after[1]) - (b - rate * db)).abs() < 1e-6);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_does_not() {
    let data = ring();
    let run = |seed, threads| {
        let mut trainer = classify(Adam::default()).threads(threads).unwrap();
        let fit = Fit { epochs: 3, batch_size: 4, seed, ..Fit::default() };
        let history = trainer.fit(&data, fit).unwrap();
        (weights(&trainer), history.epochs[2].train.clone())
    };
    assert_eq!(run(1, 1), run(1, 1));
    assert_eq!(run(1, 1), run(1, 2));
    assert_ne!(run(1, 1).0, run(2, 1).0);
}

#[test]
fn averaged_weights_follow_their_recurrence() {
    let data = line();
    let after = |epochs, ema| {
        let mut trainer = regress(0.1);
        trainer.fit(&data, Fit { epochs, batch_size: 5, ema, ..Fit::default() }).unwrap();
        weights(&trainer)
    };
    let (start, one) = (weights(&regress(0.1)), after(1, None));
    // The average takes in the weights from before each step.
    assert_eq!(after(1, Some(0.75)), start);
    // In its second step it keeps min(momentum, 2 / 11).
    for (momentum, kept) in [(0.75, 2.0 / 11.0), (0.125, 0.125)] {
        for ((average, w0), w1) in after(2, Some(momentum)).iter().zip(&start).zip(&one) {
            assert!((average - (kept * w0 + (1.0 - kept) * w1)).abs() < 1e-6);
        }
    }
}

#[derive(Default)]
struct Recorder {
    events: Vec<String>,
    stop_after: Option<(usize, StopFlag)>,
}

impl Callback for Recorder {
    fn on_train_begin(&mut self, info: &TrainInfo) {
        assert!(info.bytes > 0 && info.threads > 0);
        self.events.push(format!("train {} x {} of {}", info.epochs, info.steps, info.examples));
    }

    fn on_epoch_begin(&mut self, epoch: usize, epochs: usize) {
        self.events.push(format!("epoch {epoch}/{epochs}"));
    }

    fn on_batch_end(&mut self, step: usize, steps: usize, logs: &Evaluation, _: Duration) {
        assert!(logs.loss.is_finite() && logs.get("accuracy").is_some());
        self.events.push(format!("step {step}/{steps}"));
        if let Some((after, flag)) = &self.stop_after
            && step == *after
        {
            flag.stop();
        }
    }

    fn on_epoch_end(&mut self, record: &EpochRecord) {
        self.events.push(format!("end {} after {}", record.epoch, record.steps));
    }
}

#[test]
fn callbacks_are_told_everything_in_order() {
    let (data, mut recorder) = (ring(), Recorder::default());
    let fit = Fit { epochs: 2, batch_size: 11, callbacks: vec![&mut recorder], ..Fit::default() };
    classify(Adam::default()).fit(&data, fit).unwrap();
    let epoch = |n| [format!("epoch {n}/2"), "step 1/2".into(), "step 2/2".into(), format!("end {n} after 2")];
    let expected: Vec<_> = std::iter::once("train 2 x 2 of 22".to_owned()).chain(epoch(1)).chain(epoch(2)).collect();
    assert_eq!(recorder.events, expected);
}

#[test]
fn a_request_to_stop_ends_after_the_step_with_usable_weights() {
    let (data, stop) = (ring(), StopFlag::default());
    let mut recorder = Recorder { stop_after: Some((2, stop.clone())), ..Recorder::default() };
    let mut trainer = classify(Adam::default());
    let before = weights(&trainer);
    let fit = Fit { epochs: 5, batch_size: 4, stop, callbacks: vec![&mut recorder], ..Fit::default() };
    let history = trainer.fit(&data, fit).unwrap();
    assert!(history.interrupted && history.epochs.is_empty());
    assert_eq!(recorder.events.last().map(String::as_str), Some("step 2/6"));
    assert_ne!(weights(&trainer), before);
    assert!(trainer.evaluate(&data).unwrap().loss.is_finite());

    let mut one_step = classify(Adam::default());
    let done = Fit { epochs: 1, batch_size: 32, stop: StopFlag::default(), ..Fit::default() };
    done.stop.stop();
    let history = one_step.fit(&data, done).unwrap();
    assert!(!history.interrupted && history.epochs.len() == 1, "the last step was done anyway");
}

#[test]
fn divergence_names_the_step_and_keeps_the_last_good_weights() {
    let data = line();
    let mut trainer = regress(1e18);
    let before = weights(&trainer);
    // The weights grow by about 1e18 in each step, and the third loss, their square, is beyond f32.
    let error = trainer.fit(&data, Fit { epochs: 50, batch_size: 1, ..Fit::default() }).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { epoch: 1, step: 3, .. }), "{error}");
    assert!(error.to_string().contains("smaller learning rate"), "{error}");
    assert_eq!(weights(&trainer), before);
    // Here the loss of the only step is finite, but not the weights after it.
    let mut trainer = regress(1e39);
    let error = trainer.fit(&data, Fit { epochs: 1, batch_size: 5, ..Fit::default() }).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { epoch: 1, step: 1, .. }), "{error}");
    assert_eq!(weights(&trainer), before);
}

#[test]
fn what_cannot_be_trained_is_refused_before_the_first_step() {
    let data = ring();
    let model = Sequential::new([2]).add(Dense::new(1)).build(Seed(1)).unwrap();
    let mut trainer = Trainer::new(model, Adam::default(), Loss::BINARY_CROSSENTROPY).unwrap();
    let error = trainer.fit(&data, Fit::default()).unwrap_err();
    assert!(matches!(error, TrainError::Preflight(_)) && error.to_string().contains("sigmoid"), "{error}");
    for fit in [Fit { epochs: 0, ..Fit::default() }, Fit { batch_size: 0, ..Fit::default() }] {
        let error = classify(Adam::default()).fit(&data, fit).unwrap_err().to_string();
        assert!(error.contains("must be at least 1"), "{error}");
    }
    assert!(classify(Adam::default()).threads(0).is_err());
    let error = classify(Adam::default()).evaluate(&line()).unwrap_err().to_string();
    assert!(error.contains("1 numbers per example"), "{error}");
    let unfit = regress(0.1).metric(Metric::Accuracy).evaluate(&line()).unwrap_err().to_string();
    assert!(unfit.contains("accuracy does not fit regression"), "{unfit}");
}

#[test]
fn a_model_file_predicts_as_the_trainer_did() {
    let data = ring();
    let preprocessing = Preprocessing::scale_to_unit(2.0);
    let mut trainer = classify(Adam::default()).preprocessing(preprocessing.clone());
    trainer.fit(&data, Fit { epochs: 2, ..Fit::default() }).unwrap();
    let expected = trainer.predict(&data).unwrap();
    let file = ModelFile {
        preprocessing: serde_json::to_value(&preprocessing).unwrap(),
        labels: data.class_names().unwrap().to_vec(),
        ..ModelFile::new(trainer.into_model())
    };
    let mut predictor = Predictor::new(file.clone(), Some(1)).unwrap();
    let FeatureData::F32(numbers) = &data.features().data else { panic!() };
    for (example, row) in numbers.chunks(2).zip(expected.rows()) {
        let prediction = predictor.predict(example).unwrap();
        assert!(prediction.outputs.iter().zip(row).all(|(a, b)| (a - b).abs() < 1e-6));
        let (name, probability) = prediction.best().unwrap();
        assert_eq!(name, if row[1] > row[0] { "inside" } else { "outside" });
        assert_eq!(probability, prediction.outputs[0].max(prediction.outputs[1]));
    }
    assert!(predictor.predict(&[1.0]).unwrap_err().to_string().contains("takes 2 numbers of shape [2], got 1"));
    let labels = vec!["a".into(), "b".into(), "c".into()];
    let error = Predictor::new(ModelFile { labels, ..file.clone() }, None).unwrap_err().to_string();
    assert!(error.contains("3 classes") && error.contains("2 outputs"), "{error}");
    let preprocessing = serde_json::json!({"steps": [{"type": "unknown"}]});
    let error = Predictor::new(ModelFile { preprocessing, ..file }, None).unwrap_err().to_string();
    assert!(error.contains("preprocessing in the model file"), "{error}");
}

#[test]
fn logits_and_single_units_become_probabilities() {
    let predict = |units: usize, activation, labels: &[&str]| {
        let model = Sequential::new([2]).add(Dense::new(units).activation(activation)).build(Seed(5)).unwrap();
        let labels = labels.iter().map(|&l| l.to_owned()).collect();
        Predictor::new(ModelFile { labels, ..ModelFile::new(model) }, Some(1)).unwrap().predict(&[0.3, -0.8]).unwrap()
    };
    let (logits, softmax) =
        (predict(3, Activation::Linear, &["a", "b", "c"]), predict(3, Activation::Softmax, &["a", "b", "c"]));
    for (a, b) in logits.classes.iter().zip(&softmax.classes) {
        assert!((a.1 - b.1).abs() < 1e-6, "{a:?} {b:?}");
    }
    let (logit, sigmoid) = (predict(1, Activation::Linear, &["a", "b"]), predict(1, Activation::Sigmoid, &["a", "b"]));
    assert!((logit.classes[1].1 - sigmoid.outputs[0]).abs() < 1e-6);
    assert!((sigmoid.classes[0].1 + sigmoid.classes[1].1 - 1.0).abs() < 1e-6);
    let quantity = predict(1, Activation::Linear, &[]);
    assert!(quantity.classes.is_empty() && quantity.best().is_none() && quantity.outputs.len() == 1);
}
