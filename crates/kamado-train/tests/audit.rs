//! Audits of training that keeps its promise and of training that does not.

use kamado_data::{Dataset, FeatureData, Features, Labels};
use kamado_graph::rng::Rng;
use kamado_nn::layers::{Activation, Dense};
use kamado_nn::losses::Loss;
use kamado_nn::model::{Seed, Sequential};
use kamado_nn::optimizers::Sgd;
use kamado_privacy::{Budget, Entropy};
use kamado_train::{Audit, AuditReport, Fit, PrivateFit, TrainError, Trainer};

const EPSILON: f64 = 1.0;

/// Points in so many dimensions that a network can learn each by heart; labels are of no use to guess others.
fn noise(name: &str, seed: u64) -> Dataset {
    let mut rng = Rng::new(seed, 1);
    let features: Vec<f32> = (0..600 * 60).map(|_| rng.normal() as f32).collect();
    let indices = (0..600).map(|_| rng.below(2) as i32).collect();
    let features = Features { shape: vec![60], data: FeatureData::F32(features), max_value: 1.0 };
    Dataset::new(name, features, Labels::Classes { indices, names: vec!["a".into(), "b".into()] }).unwrap()
}

fn trainer(number: u64) -> Trainer {
    let model = Sequential::new([60]).add(Dense::new(64).activation(Activation::Tanh));
    let model = model.add(Dense::new(2).activation(Activation::Softmax)).build(Seed(number)).unwrap();
    let sgd = Sgd { learning_rate: 0.5.into(), ..Sgd::default() };
    Trainer::new(model, sgd, Loss::SPARSE_CATEGORICAL_CROSSENTROPY).unwrap().threads(1).unwrap()
}

fn fit() -> Fit<'static> {
    Fit { epochs: 60, batch_size: 60, ..Fit::default() }
}

fn audit(shadows: usize, train: &mut dyn FnMut(u64, &Dataset) -> Result<Trainer, TrainError>) -> AuditReport {
    let audit = Audit { canaries: 240, shadows, seed: 3, delta: 1e-5, claimed: Some(EPSILON) };
    audit.run(&noise("members", 1), &noise("others", 2), train).unwrap()
}

/// Training without noise and clipping under a promise.
fn without_protection(number: u64, data: &Dataset) -> Result<Trainer, TrainError> {
    let mut trainer = trainer(number);
    trainer.fit(data, fit())?;
    Ok(trainer)
}

fn with_protection(number: u64, data: &Dataset) -> Result<Trainer, TrainError> {
    let mut trainer = trainer(number);
    let private = PrivateFit::new(&fit(), data.len(), Budget::Epsilon(EPSILON), 1e-5, 1.0)?;
    trainer.fit_private(data, fit(), &PrivateFit { entropy: Entropy::Seed(number), ..private })?;
    Ok(trainer)
}

#[test]
fn a_run_without_noise_breaks_its_promise() {
    let report = audit(4, &mut without_protection);
    assert!(report.broken && report.canaries.epsilon_lower > 1.5, "{report:?}");
    assert!(report.loss_threshold.auc > 0.8, "{:?}", report.loss_threshold);
    let lira = report.lira.unwrap();
    assert!(lira.auc > 0.55, "{lira:?}");
}

#[test]
fn a_run_with_noise_keeps_its_promise() {
    let report = audit(0, &mut with_protection);
    assert!(!report.broken && report.canaries.epsilon_lower <= EPSILON, "{report:?}");
    assert!(report.loss_threshold.auc < 0.65, "{:?}", report.loss_threshold);
}

#[test]
fn what_cannot_be_audited_is_refused() {
    let few = Audit { canaries: 4, shadows: 0, seed: 1, delta: 1e-5, claimed: None };
    let said = few.run(&noise("members", 1), &noise("others", 2), &mut without_protection).unwrap_err().to_string();
    assert!(said.contains("4 canaries among 600 examples") && said.contains("Use 8 canaries or more"), "{said}");
}
