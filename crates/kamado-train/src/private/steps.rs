//! All that a private training step needs, and the step.

use std::sync::Arc;

use kamado_data::{Dataset, Loader, LoaderConfig};
use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::update::StepInfo;
use kamado_nn::model::{Objective, PrivateGraphs, SampleWeight, TrainingSpec};
use kamado_privacy::ledger::RunEntry;
use kamado_privacy::{Accountant, Entropy, Ledger, Noise, PoissonBatch, PoissonSampler, SampledGaussian};

use super::PrivateFit;
use crate::error::TrainError;
use crate::fit::Fit;
use crate::inputs::Inputs;
use crate::meter::{Measured, Meter, task};
use crate::pass::units;
use crate::steps::sources;
use crate::targets::{Targets, example_len};
use crate::trainer::Trainer;
use crate::weights::Weights;

/// A run is charged in this many portions, or in portions of so many steps if that makes fewer: a crash makes the account
/// too high by less than one of them, and the cost is computed once for each.
const PORTIONS: u64 = 20;
const PORTION: u64 = 50;

/// What takes part in a step.
pub(super) struct Steps {
    gradients: Session,
    update: Session,
    store: Store,
    /// The sum and the released value of each weight's gradient, with its names in the two graphs.
    weights: Vec<Weight>,
    train: Dataset,
    config: LoaderConfig,
    x: Inputs,
    targets: Targets,
    sample_weights: Option<Weights>,
    present: Vec<f32>,
    /// The places of a loss per example.
    places: usize,
    sampler: PoissonSampler,
    noise: Noise,
    pub(super) purse: Purse,
    pub(super) meter: Meter,
    pub(super) sources: Vec<String>,
}

struct Weight {
    sum_name: String,
    gradient_name: String,
    sum: Vec<f64>,
    released: Vec<f32>,
}

/// Pays for steps before they are taken.
pub(super) struct Purse {
    mechanism: SampledGaussian,
    delta: f64,
    account: Accountant,
    ledger: Option<Ledger>,
    portion: u64,
    prepaid: u64,
    left: u64,
    epsilon: f64,
}

impl Purse {
    fn new(private: &PrivateFit, data: String) -> Result<Self, TrainError> {
        let plan = private.plan;
        let ledger = private.ledger.as_deref().map(|path| {
            let mut ledger = Ledger::open(path)?;
            ledger.begin(RunEntry { plan, data, seeded: private.entropy != Entropy::System })?;
            Ok::<_, TrainError>(ledger)
        });
        let (account, ledger) = (Accountant::new(), ledger.transpose()?);
        let (mechanism, portion) = (plan.mechanism()?, plan.steps.div_ceil(PORTIONS).max(PORTION));
        let (delta, left) = (plan.delta, plan.steps);
        Ok(Purse { mechanism, delta, account, ledger, portion, prepaid: 0, left, epsilon: 0.0 })
    }

    /// Charges the step that is about to be taken, with some of those after it.
    fn pay(&mut self) -> Result<(), TrainError> {
        if self.prepaid == 0 {
            let steps = self.portion.min(self.left).max(1);
            if let Some(ledger) = &mut self.ledger {
                ledger.charge(self.mechanism, steps)?;
            }
            self.account.charge(self.mechanism, steps);
            (self.prepaid, self.left) = (steps, self.left.saturating_sub(steps));
            self.epsilon = self.account.epsilon(self.delta)?.upper;
        }
        self.prepaid -= 1;
        Ok(())
    }

    /// What may be promised of all steps that are paid for.
    pub(super) fn epsilon(&self) -> f64 {
        self.epsilon
    }
}

impl Steps {
    pub(super) fn new(
        trainer: &Trainer,
        train: &Dataset,
        fit: &Fit<'_>,
        private: &PrivateFit,
    ) -> Result<Self, TrainError> {
        let (model, loss) = (&trainer.model, &trainer.loss);
        let physical = private.physical(train.len());
        let sample_weights = Weights::new(train, fit.class_weight.as_ref(), physical)?;
        let sample_weight = sample_weights.as_ref().map(|_| SampleWeight::PerExample);
        let objective = Objective { sample_weight, ..loss.into() };
        let spec = TrainingSpec { loss: objective, optimizer: trainer.optimizer.clone(), ema: fit.ema };
        let PrivateGraphs { gradients, update, weights } = model.private_graphs(&spec, private.clip())?;
        let config = LoaderConfig {
            batch_size: physical,
            shuffle: false,
            seed: fit.seed,
            preprocessing: trainer.preprocessing.clone(),
            augment: fit.augment.clone(),
            training: true,
            workers: 0,
            ..LoaderConfig::default()
        };
        let mut store = Store::new(update.graph.variables())?;
        for (variable, value) in update.graph.variables().iter().zip(&update.initial_values(model)) {
            store.set(&variable.name, value)?;
        }
        let weight = |name: &String| {
            let len = store.get(name).map_or(0, <[f32]>::len);
            let (sum_name, gradient_name) = (format!("sum.{name}"), format!("gradient.{name}"));
            Weight { sum_name, gradient_name, sum: vec![0.0; len], released: vec![0.0; len] }
        };
        let weights = weights.iter().map(weight).collect();
        let units = units(model)? / example_len(&gradients.places).max(1);
        let runtime: &Arc<Runtime> = &trainer.runtime;
        Ok(Steps {
            x: Inputs::new(&model.spec.inputs, train, Loader::new(train, config.clone())?.buffers())?,
            targets: Targets::new(gradients.targets.first(), train, physical)?,
            meter: Meter::new(&trainer.metrics, task(loss, units, train), train.len())?,
            places: example_len(&gradients.places),
            sources: sources(&update, model.variables.len()),
            gradients: Session::new(runtime, gradients.graph, &store)?,
            update: Session::new(runtime, update.graph, &store)?,
            store,
            weights,
            train: train.clone(),
            config,
            sample_weights,
            present: vec![0.0; physical],
            sampler: private.plan.sampler(train.len(), private.entropy)?,
            noise: private.plan.noise(private.entropy)?,
            purse: Purse::new(private, train.content_hash())?,
        })
    }

    /// The memory of a step, in bytes.
    pub(super) fn bytes(&mut self) -> Result<usize, TrainError> {
        let both = self.gradients.bytes_for(self.present.len())? + self.update.bytes_for(1)?;
        Ok(self.store.bytes() + both)
    }

    /// The value of a variable.
    pub(super) fn value(&self, name: &str) -> &[f32] {
        self.store.get(name).unwrap_or_default()
    }

    /// Takes a step.
    pub(super) fn step(&mut self, seed: u64, learning_rate: impl Fn(u64) -> f64) -> Result<(), TrainError> {
        self.purse.pay()?;
        let batch = self.sampler.draw();
        self.weights.iter_mut().for_each(|weight| weight.sum.fill(0.0));
        for (part, examples) in batch.examples().chunks(self.present.len()).enumerate() {
            self.add(seed, batch.step(), part as u64, examples)?;
        }
        self.follow(&batch, StepInfo { seed, step: batch.step(), learning_rate: learning_rate(batch.step()) })
    }

    /// Adds the clipped gradients of a part of a batch.
    fn add(&mut self, seed: u64, step: u64, part: u64, examples: &[usize]) -> Result<(), TrainError> {
        let n = examples.len();
        let loader = Loader::new(&self.train.subset(examples)?, self.config.clone())?;
        let mut batches = loader.epoch(step);
        batches.next_batch(self.x.buffers(), self.targets.as_mut())?;
        self.sample_weights.iter_mut().for_each(|weights| weights.fill(&self.train, examples));
        self.present.iter_mut().enumerate().for_each(|(i, present)| *present = f32::from(i < n));
        let physical = self.present.len();
        let mut feeds = self.targets.feeds(&self.x, self.sample_weights.as_ref(), physical);
        feeds.push(("present", Feed::F32(&self.present)));
        // Every part has random numbers of its own, for dropout.
        let info = StepInfo { seed: seed ^ (part << 32), step, learning_rate: 0.0 };
        let outputs = self.gradients.run(&mut self.store, physical, &info, &feeds)?;
        for weight in &mut self.weights {
            let sum = outputs.get(&weight.sum_name).unwrap_or_default();
            weight.sum.iter_mut().zip(sum).for_each(|(total, x)| *total += f64::from(*x));
        }
        let losses = outputs.get("loss_per_example").unwrap_or_default();
        let prediction = outputs.get("prediction").unwrap_or_default();
        let counts = outputs.get("loss_counts").map(|counts| &counts[..n * self.places]);
        self.meter.add(&Measured {
            examples: n,
            loss: finite_mean(&losses[..n.min(losses.len())]),
            prediction: &prediction[..prediction.len() / physical * n],
            truth: self.targets.truth(n),
            counts,
        });
        Ok(())
    }

    /// Adds noise to the sums and hands them to the optimiser.
    fn follow(&mut self, batch: &PoissonBatch, info: StepInfo) -> Result<(), TrainError> {
        for weight in &mut self.weights {
            self.noise.release(batch, &weight.sum, &mut weight.released);
        }
        let feeds: Vec<_> =
            self.weights.iter().map(|w| (w.gradient_name.as_str(), Feed::F32(&w.released[..]))).collect();
        self.update.run(&mut self.store, 1, &info, &feeds)?;
        Ok(())
    }
}

/// The mean of those that are finite.
fn finite_mean(losses: &[f32]) -> f64 {
    let finite = losses.iter().filter(|loss| loss.is_finite());
    let (sum, count) = finite.fold((0.0, 0), |(sum, count), loss| (sum + f64::from(*loss), count + 1));
    sum / f64::from(count.max(1))
}
