//! Private training from end to end on tiny data, and what it refuses.
#![forbid(unsafe_code)]

use std::time::Duration;

use kamado_data::{Augment, Dataset, FeatureData, Features, Labels};
use kamado_graph::per_example::Clipping;
use kamado_nn::layers::{Activation, BatchNormalization, Dense};
use kamado_nn::losses::Loss;
use kamado_nn::model::{Seed, Sequential};
use kamado_nn::optimizers::{Optimizer, Options, Sgd};
use kamado_privacy::{Accountant, Budget, Certificate, Entropy, Ledger, SampledGaussian};
use kamado_train::recipe::Recipe;
use kamado_train::{ClassWeight, Fit, Metric, Precision, PrivateFit, TrainError, Trainer};

/// 400 points on two sides of a line.
fn points() -> Dataset {
    points_with(|_| {})
}

/// The same, with some of their numbers changed after they were labelled.
fn points_with(change: impl FnOnce(&mut Vec<f32>)) -> Dataset {
    let at = |i: usize| (i as f32 * 0.618).fract() * 2.0 - 1.0;
    let mut features: Vec<f32> = (0..400).flat_map(|i| [at(i), at(7 * i + 3)]).collect();
    let indices = features.chunks(2).map(|x| i32::from(x[0] + x[1] > 0.0)).collect();
    change(&mut features);
    let features = Features { shape: vec![2], data: FeatureData::F32(features), max_value: 1.0 };
    Dataset::new("points", features, Labels::Classes { indices, names: vec!["low".into(), "high".into()] }).unwrap()
}

fn trainer(optimizer: impl Into<Optimizer>) -> Trainer {
    let model = Sequential::new([2]).add(Dense::new(8).activation(Activation::Tanh));
    let model = model.add(Dense::new(2).activation(Activation::Softmax)).build(Seed(1)).unwrap();
    let trainer = Trainer::new(model, optimizer, Loss::SPARSE_CATEGORICAL_CROSSENTROPY).unwrap();
    trainer.metric(Metric::Accuracy).threads(1).unwrap()
}

fn sgd(rate: f64) -> Sgd {
    Sgd { learning_rate: rate.into(), ..Sgd::default() }
}

fn fit() -> Fit<'static> {
    Fit { epochs: 4, batch_size: 40, ..Fit::default() }
}

fn private(noise: f64) -> PrivateFit {
    let private = PrivateFit::new(&fit(), 400, Budget::NoiseMultiplier(noise), 1e-5, 1.0).unwrap();
    PrivateFit { entropy: Entropy::Seed(5), ..private }
}

fn weights(trainer: &Trainer) -> Vec<f32> {
    trainer.model().variables.iter().flat_map(|v| v.value.clone()).collect()
}

#[test]
fn learns_and_tells_what_it_costs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("privacy.jsonl");
    let data = points();
    let mut trainer = trainer(sgd(2.0));
    let private = PrivateFit { entropy: Entropy::System, ledger: Some(path.clone()), ..private(0.8) };
    let history = trainer.fit_private(&data, Fit { epochs: 10, ..fit() }, &private).unwrap();
    assert!(trainer.evaluate(&data).unwrap().get("accuracy") > Some(0.8));
    let spent: Vec<f64> = history.epochs.iter().map(|epoch| epoch.train.get("epsilon").unwrap()).collect();
    let mut account = Accountant::new();
    account.charge(SampledGaussian::new(0.1, 0.8).unwrap(), 40);
    assert!((spent[9] - account.epsilon(1e-5).unwrap().upper).abs() < 1e-9, "{spent:?}");
    assert!(spent.windows(2).all(|pair| pair[0] <= pair[1]));
    let certificate = Certificate::of(&Ledger::open(&path).unwrap()).unwrap();
    assert!(certificate.private);
    assert_eq!((certificate.steps_charged, certificate.epsilon.upper), (40, spent[9]));
    assert_eq!(certificate.run.data, data.content_hash());
}

#[test]
fn without_much_noise_and_with_a_wide_bound_it_is_gradient_descent() {
    // All examples in every batch, none clipped, noise too small to see: a step of plain descent on the mean loss.
    let data = points();
    let mut plain = trainer(sgd(0.5));
    plain.fit(&data, Fit { epochs: 3, batch_size: 400, shuffle: false, ..Fit::default() }).unwrap();
    let whole = Fit { epochs: 3, batch_size: 400, ..Fit::default() };
    let budget = Budget::NoiseMultiplier(0.05);
    let private = PrivateFit::new(&whole, 400, budget, 1e-5, 100.0).unwrap();
    let (mut first, mut second) = (trainer(sgd(0.5)), trainer(sgd(0.5)));
    let with = |seed| PrivateFit { entropy: Entropy::Seed(seed), ..private.clone() };
    first.fit_private(&data, Fit { epochs: 3, batch_size: 400, ..Fit::default() }, &with(1)).unwrap();
    second.fit_private(&data, whole, &with(2)).unwrap();
    // The noise of a step has a deviation of 0.05 · 100 / 400 in every weight.
    let distance = |a: &Trainer, b: &Trainer| {
        let squares = weights(a).into_iter().zip(weights(b)).map(|(a, b)| f64::from(a - b).powi(2));
        (squares.sum::<f64>() / weights(a).len() as f64).sqrt()
    };
    let expected = 0.5 * 0.0125 * 3f64.sqrt();
    assert!(distance(&plain, &first) < 2.0 * expected, "{} for {expected}", distance(&plain, &first));
    assert!(distance(&first, &second) > 0.5 * expected, "{}", distance(&first, &second));
}

#[test]
fn the_physical_batch_changes_nothing_but_rounding() {
    let data = points();
    let train = |physical| {
        let mut trainer = trainer(sgd(1.0));
        let private = PrivateFit { physical_batch: Some(physical), ..private(1.0) };
        trainer.fit_private(&data, fit(), &private).unwrap();
        weights(&trainer)
    };
    let one = train(1);
    for physical in [7, 40, 400] {
        let other = train(physical);
        let close = one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 2e-6);
        assert!(close, "physical batches of {physical}");
    }
}

#[test]
fn examples_that_overflow_neither_stop_nor_spoil_it() {
    let data = points_with(|features| (features[0], features[10]) = (1e30, -3e38));
    let mut trainer = trainer(sgd(1.0));
    trainer.fit_private(&data, fit(), &private(1.0)).unwrap();
    assert!(weights(&trainer).iter().all(|w| w.is_finite()));
}

/// What private training says to this.
fn refusal(trainer: &mut Trainer, fit: Fit<'_>, private: &PrivateFit) -> String {
    trainer.fit_private(&points(), fit, private).unwrap_err().to_string()
}

#[test]
fn what_would_make_the_promise_wrong_is_refused() {
    let plain = || trainer(sgd(1.0));
    let delta = PrivateFit::new(&fit(), 400, Budget::NoiseMultiplier(1.0), 0.005, 1.0).unwrap();
    let said = refusal(&mut plain(), fit(), &delta);
    assert!(said.contains("a delta of 5e-3 allows one of the 400 examples to be published"), "{said}");
    let said = refusal(&mut plain(), Fit { precision: Precision::Bf16, ..fit() }, &private(1.0));
    assert!(said.contains("bfloat16 is too coarse"), "{said}");
    let said = refusal(&mut plain(), Fit { memory_limit: Some("1 GB".parse().unwrap()), ..fit() }, &private(1.0));
    assert!(said.contains("Set a smaller physical_batch"), "{said}");
    let mut goal: kamado_train::control::StopWhen = "accuracy >= 0.9".parse().unwrap();
    let said = refusal(&mut plain(), Fit { callbacks: vec![&mut goal], ..fit() }, &private(1.0));
    assert!(said.contains("Leave out callbacks that steer"), "{said}");
    let said = refusal(&mut plain(), Fit { max_time: Some(Duration::from_secs(9)), ..fit() }, &private(1.0));
    assert!(said.contains("a time limit has no effect"), "{said}");
    let said = refusal(&mut plain(), Fit { class_weight: Some(ClassWeight::Balanced), ..fit() }, &private(1.0));
    assert!(said.contains("balanced class weights are measured on the data"), "{said}");
    let augment = Some(Augment { mixup: 0.2, ..Augment::default() });
    let said = refusal(&mut plain(), Fit { augment, ..fit() }, &private(1.0));
    assert!(said.contains("mixup and cutmix blend examples"), "{said}");
    let options = Options { gradient_accumulation_steps: Some(2), ..Options::default() };
    let mut accumulating = trainer(Optimizer { options, ..sgd(1.0).into() });
    let said = refusal(&mut accumulating, fit(), &private(1.0));
    assert!(said.contains("gradients cannot be accumulated over steps that each get their noise"), "{said}");
    let model = Sequential::new([2]).add(BatchNormalization::new()).add(Dense::new(2).activation(Activation::Softmax));
    let mut mixing =
        Trainer::new(model.build(Seed(1)).unwrap(), sgd(1.0), Loss::SPARSE_CATEGORICAL_CROSSENTROPY).unwrap();
    let said = refusal(&mut mixing, fit(), &private(1.0));
    assert!(said.contains("\"batch_normalization\"") && said.contains("mixes the examples of a batch"), "{said}");
}

/// A recipe with this `[privacy]`.
fn recipe(privacy: &str) -> String {
    format!(
        "[data]\nsource = \"digits\"\n[model]\nlayers = [{{ type = \"flatten\" }}, {{ type = \"dense\", units = 10 }}]\n[train]\n\
         loss = \"mse\"\nepochs = 2\nbatch_size = 100\n[privacy]\n{privacy}\n"
    )
}

#[test]
fn recipes_say_what_may_be_spent() {
    let read = |privacy: &str| Recipe::parse("mine.toml", &recipe(privacy));
    let mine = read("epsilon = 2.0\ndelta = 1e-4\nclipping = \"per_layer\"\nphysical_batch = 16").unwrap();
    assert_eq!(Recipe::parse("again.toml", &mine.to_toml()).unwrap(), mine);
    let fit = Fit { epochs: 2, batch_size: 100, ..Fit::default() };
    let private = mine.privacy.unwrap().fit(&fit, 1000).unwrap();
    assert_eq!((private.clipping, private.physical_batch, private.plan.steps), (Clipping::PerLayer, Some(16), 20));
    assert!((private.plan.cost().unwrap().upper - 2.0).abs() < 1e-3);
    let said = read("delta = 1e-4").unwrap_err().to_string();
    assert!(said.contains("says neither what the run may cost nor how much noise it takes"), "{said}");
    let said = read("delta = 1e-4\nepsilon = 1\nnoise_multiplier = 1").unwrap_err().to_string();
    assert!(said.contains("epsilon and noise_multiplier contradict each other"), "{said}");
    let said = read("epsilon = 1\ndelta = 0.5").unwrap_err().to_string();
    assert!(said.contains("privacy.delta"), "{said}");
    let text = recipe("epsilon = 1\ndelta = 1e-5")
        .replace("source = \"digits\"", "source = \"table\"\nlabel = \"y\"\ntable = { smote = {} }");
    let said = Recipe::parse("mine.toml", &text).unwrap_err().to_string();
    assert!(said.contains("[privacy] and SMOTE exclude each other"), "{said}");
    let text = recipe("epsilon = 1\ndelta = 1e-5").replace("epochs = 2", "epochs = 2\nearly_stopping = {}");
    let said = Recipe::parse("mine.toml", &text).unwrap_err().to_string();
    assert!(said.contains("plans every step beforehand") && said.contains("early_stopping"), "{said}");
    let refused = |sampling: &str| -> TrainError {
        let text = format!("noise_multiplier = 1.1\ndelta = 1e-5\nsampling = \"{sampling}\"");
        read(&text).unwrap().privacy.unwrap().fit(&fit, 1000).unwrap_err()
    };
    let said = refused("shuffle").to_string();
    assert!(said.contains("shuffled batches are not Poisson samples"), "{said}");
    assert!(said.contains("could be promised with them only as 5.87"), "{said}");
    assert!(refused("weighted").to_string().contains("a weighted sampler draws some examples more often than others"));
}
