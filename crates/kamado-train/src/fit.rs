//! The training loop.

use std::time::{Duration, Instant};

use kamado_data::{Augment, Dataset, Loader, LoaderConfig};
use kamado_engine::{EngineError, Session, Store, within};
use kamado_graph::graph::Graph;
use kamado_graph::update::StepInfo;
use kamado_nn::model::{ModelGraph, Objective, SampleWeight, TrainingSpec};

use crate::callbacks::{Callback, StopFlag, TrainInfo};
use crate::error::TrainError;
use crate::history::{EpochRecord, History};
use crate::inputs::Inputs;
use crate::meter::{Measured, Meter, task};
use crate::pass::{EvaluationPass, units};
use crate::preflight::Report;
use crate::resources::{Bytes, Precision};
use crate::targets::{Targets, example_len};
use crate::trainer::Trainer;
use crate::weights::{ClassWeight, Weights};

/// How to train. Defaults as in Keras, but for the number of epochs: 10 epochs, batches of 32, shuffled.
pub struct Fit<'a> {
    /// How often to go over the training data.
    pub epochs: usize,
    /// The examples of a step; the last step of an epoch takes what is left.
    pub batch_size: usize,
    /// Data to measure with after every epoch.
    pub validation: Option<&'a Dataset>,
    /// The seed of order, augmentation and dropout. The seed of the weights was given when the model was built.
    pub seed: u64,
    /// Whether every epoch has an order of its own.
    pub shuffle: bool,
    /// How to distort training images at random.
    pub augment: Option<Augment>,
    /// If given, the model gets a moving average of its weights, of which a step keeps this share, such as 0.999.
    pub ema: Option<f64>,
    /// The numbers to compute with.
    pub precision: Precision,
    /// The most memory that weights, the optimiser's state and the results of a step may take together; to keep to it, some
    /// results are computed again for the backward pass.
    pub memory_limit: Option<Bytes>,
    /// If given, how much the examples of each class count in the loss. Weights of single examples belong to the data; see
    /// [`Dataset::with_sample_weights`].
    pub class_weight: Option<ClassWeight>,
    /// Asks to stop early.
    pub stop: StopFlag,
    /// Are told how it goes.
    pub callbacks: Vec<&'a mut dyn Callback>,
}

impl Default for Fit<'_> {
    fn default() -> Self {
        Fit {
            epochs: 10,
            batch_size: 32,
            validation: None,
            seed: 0,
            shuffle: true,
            augment: None,
            ema: None,
            precision: Precision::F32,
            memory_limit: None,
            class_weight: None,
            stop: StopFlag::default(),
            callbacks: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Fit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Fit { epochs, batch_size, validation, seed, shuffle, augment, ema, class_weight, .. } = self;
        f.debug_struct("Fit")
            .field("epochs", epochs)
            .field("batch_size", batch_size)
            .field("validation", &validation.map(Dataset::name))
            .field("seed", seed)
            .field("shuffle", shuffle)
            .field("augment", augment)
            .field("ema", ema)
            .field("class_weight", class_weight)
            .finish_non_exhaustive()
    }
}

/// Trains the model of `trainer`; see [`Trainer::fit`].
pub(crate) fn run(trainer: &mut Trainer, train: &Dataset, mut fit: Fit<'_>) -> Result<History, TrainError> {
    if fit.epochs == 0 || fit.batch_size == 0 || train.is_empty() {
        let problem = format!(
            "cannot train {} epochs in batches of {} from {} examples",
            fit.epochs,
            fit.batch_size,
            train.len()
        );
        return Err(TrainError::request(problem, "All three must be at least 1"));
    }
    let warnings = trainer.preflight(train, &fit)?;
    if warnings.has_errors() {
        return Err(TrainError::Preflight(warnings));
    }
    let mut validation = fit.validation.map(|data| trainer.evaluation_pass(data)).transpose()?;
    let mut steps = Steps::new(trainer, train, &fit)?;
    let info = steps.info(trainer, &fit, warnings)?;
    fit.callbacks.iter_mut().for_each(|c| c.on_train_begin(&info));
    let mut history = History::default();
    for epoch in 1..=fit.epochs {
        let start = Instant::now();
        fit.callbacks.iter_mut().for_each(|c| c.on_epoch_begin(epoch, fit.epochs));
        history.interrupted = steps.epoch(trainer, epoch, start, &mut fit)?;
        steps.publish(trainer, epoch)?;
        if history.interrupted {
            break;
        }
        let record = steps.record(trainer, &mut validation, epoch, fit.epochs, start)?;
        fit.callbacks.iter_mut().for_each(|c| c.on_epoch_end(&record));
        history.epochs.push(record);
        history.interrupted = epoch < fit.epochs && fit.stop.is_stopped();
        if history.interrupted {
            break;
        }
    }
    Ok(history)
}

/// All that a training step needs, made before the first.
struct Steps {
    session: Session,
    store: Store,
    loader: Loader,
    meter: Meter,
    x: Inputs,
    targets: Targets,
    weights: Option<Weights>,
    /// For each weight of the model, the variable that holds the value to use: its average, or itself.
    sources: Vec<String>,
    taken: u64,
    total: u64,
    /// The share of the forward arithmetic that is done again to keep to the memory limit.
    recomputed: f64,
    /// How long the last epoch has waited for its batches.
    waited: Duration,
}

/// The step in the precision and within the memory that were asked for, and the share of the forward arithmetic that is
/// done again for that; `kept` bytes are taken by weights and the optimiser's state.
fn fitted(graph: Graph, fit: &Fit<'_>, batch_size: usize, kept: usize) -> Result<(Graph, f64), TrainError> {
    let graph = match fit.precision {
        Precision::F32 => graph,
        Precision::Bf16 => graph.in_bf16().map_err(EngineError::from)?,
    };
    let Some(Bytes(limit)) = fit.memory_limit else { return Ok((graph, 0.0)) };
    let left = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(kept);
    let (graph, report) = within(&graph, batch_size, left)?;
    Ok((graph, report.recomputed))
}

impl Steps {
    fn new(trainer: &Trainer, train: &Dataset, fit: &Fit<'_>) -> Result<Self, TrainError> {
        let (model, loss) = (&trainer.model, &trainer.loss);
        let batch_size = fit.batch_size.min(train.len());
        let weights = Weights::new(train, fit.class_weight.as_ref(), batch_size)?;
        let sample_weight = weights.as_ref().map(|_| SampleWeight::PerExample);
        let objective = Objective { sample_weight, ..loss.into() };
        let spec = TrainingSpec { loss: objective, optimizer: trainer.optimizer.clone(), ema: fit.ema };
        let model_graph = model.training_graph(&spec)?;
        let config = LoaderConfig {
            batch_size,
            shuffle: fit.shuffle,
            seed: fit.seed,
            preprocessing: trainer.preprocessing.clone(),
            augment: fit.augment.clone(),
            training: true,
            ..LoaderConfig::default()
        };
        let loader = Loader::new(train, config)?;
        let mut store = Store::new(model_graph.graph.variables())?;
        let values = model_graph.initial_values(model);
        for (variable, value) in model_graph.graph.variables().iter().zip(&values) {
            store.set(&variable.name, value)?;
        }
        let sources = sources(&model_graph, model.variables.len());
        let target = model_graph.targets.first().cloned();
        let units = units(model)? / example_len(&model_graph.places).max(1);
        let total = fit.epochs as u64 * loader.batches_per_epoch() as u64;
        let every = trainer.optimizer.options.every();
        if every > total {
            let problem = format!("gradient_accumulation_steps = {every}, but training takes {total} steps: no update");
            return Err(TrainError::request(problem, "Accumulate fewer steps, or train longer"));
        }
        let (graph, recomputed) = fitted(model_graph.graph, fit, batch_size, store.bytes())?;
        Ok(Steps {
            session: Session::new(&trainer.runtime, graph, &store)?,
            recomputed,
            store,
            meter: Meter::new(&trainer.metrics, task(loss, units, train), train.len())?,
            x: Inputs::new(&model.spec.inputs, train, loader.buffers())?,
            targets: Targets::new(target.as_ref(), train, batch_size)?,
            weights,
            loader,
            sources,
            taken: 0,
            total,
            waited: Duration::ZERO,
        })
    }

    fn info(&mut self, trainer: &Trainer, fit: &Fit<'_>, warnings: Report) -> Result<TrainInfo, TrainError> {
        Ok(TrainInfo {
            epochs: fit.epochs,
            steps: self.loader.batches_per_epoch(),
            examples: self.loader.dataset().len(),
            validation_examples: fit.validation.map(Dataset::len),
            threads: trainer.runtime.threads(),
            isa: trainer.runtime.isa(),
            bytes: self.store.bytes() + self.session.bytes_for(self.loader.batch_size())?,
            recomputed: self.recomputed,
            warnings,
        })
    }

    /// Takes the steps of an epoch; answers whether it was stopped. No tensor is allocated from step to step.
    fn epoch(
        &mut self,
        trainer: &Trainer,
        epoch: usize,
        start: Instant,
        fit: &mut Fit<'_>,
    ) -> Result<bool, TrainError> {
        let steps = self.loader.batches_per_epoch();
        let mut batches = self.loader.epoch(epoch as u64 - 1);
        let mut step = 0;
        while let Some(n) = batches.next_batch(self.x.buffers(), self.targets.as_mut())? {
            let learning_rate = trainer.optimizer.learning_rate_at(self.taken, self.total);
            let info = StepInfo { seed: fit.seed, step: self.taken, learning_rate };
            self.waited = batches.waited();
            let data = self.loader.dataset();
            self.weights.iter_mut().for_each(|weights| weights.fill(data, batches.examples()));
            let feeds = self.targets.feeds(&self.x, self.weights.as_ref(), n);
            let outputs = self.session.run(&mut self.store, n, &info, &feeds)?;
            let loss = outputs.get("loss").and_then(|loss| loss.first()).map_or(f64::NAN, |&loss| f64::from(loss));
            (step, self.taken) = (step + 1, self.taken + 1);
            if !loss.is_finite() {
                return Err(TrainError::NotFinite { epoch, step, loss, learning_rate });
            }
            self.meter.add(&Measured {
                examples: n,
                loss,
                prediction: outputs.get("prediction").unwrap_or_default(),
                truth: self.targets.truth(n),
                counts: outputs.get("loss_counts"),
            });
            if !fit.callbacks.is_empty() {
                let logs = self.meter.running();
                fit.callbacks.iter_mut().for_each(|c| c.on_batch_end(step, steps, logs, start.elapsed()));
            }
            if step < steps && fit.stop.is_stopped() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives the model the weights reached so far, unless the last step has spoilt them.
    fn publish(&self, trainer: &mut Trainer, epoch: usize) -> Result<(), TrainError> {
        let values = || self.sources.iter().map(|name| self.store.get(name).unwrap_or_default());
        if values().flatten().any(|w| !w.is_finite()) {
            let learning_rate = trainer.optimizer.learning_rate_at(self.taken.saturating_sub(1), self.total);
            let step = self.loader.batches_per_epoch();
            return Err(TrainError::NotFinite { epoch, step, loss: f64::NAN, learning_rate });
        }
        trainer.model.variables.iter_mut().zip(values()).for_each(|(v, value)| v.value.copy_from_slice(value));
        Ok(())
    }

    fn record(
        &mut self,
        trainer: &Trainer,
        validation: &mut Option<EvaluationPass>,
        epoch: usize,
        epochs: usize,
        start: Instant,
    ) -> Result<EpochRecord, TrainError> {
        let train = self.meter.finish();
        let waited = self.waited.as_secs_f64() / start.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        let validation = validation.as_mut().map(|pass| pass.run(&trainer.model)).transpose()?;
        let (steps, seconds) = (self.loader.batches_per_epoch(), start.elapsed().as_secs_f64());
        Ok(EpochRecord { epoch, epochs, steps, train, validation, seconds, waited })
    }
}

/// For each of the model's weights, the variable of the graph that holds the value to use.
fn sources(graph: &ModelGraph, weights: usize) -> Vec<String> {
    let (variables, averaged) = (graph.graph.variables(), graph.averaged());
    let source = |weight: usize| averaged.iter().find(|(_, w)| *w == weight).map_or(weight, |(average, _)| *average);
    (0..weights).map(|weight| variables[source(weight)].name.clone()).collect()
}
