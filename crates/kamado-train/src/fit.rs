//! What `fit` is asked for, and the training loop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kamado_data::{Augment, Dataset};
use kamado_graph::update::StepInfo;
use kamado_nn::model::Model;
use serde_json::{Value, json};

use crate::callbacks::{Callback, StopFlag};
use crate::checkpoint::{self, Checkpoint, CheckpointEvent, Checkpointing, Exact, FORMAT, Keeper, Moment, Record};
use crate::control::Steering;
use crate::diagnosis::{self, Origin};
use crate::error::TrainError;
use crate::history::{EpochRecord, History};
use crate::pass::EvaluationPass;
use crate::resources::{Bytes, Precision};
use crate::run::DataRecord;
use crate::steps::Steps;
use crate::trainer::Trainer;
use crate::weights::ClassWeight;

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
    /// Where and when to write checkpoints, if at all.
    pub checkpoint: Option<Checkpointing>,
    /// The checkpoint to go on from. Everything else must be as it was then.
    pub resume: Option<Checkpoint>,
    /// Training ends after this time, that of earlier processes of the run included.
    pub max_time: Option<Duration>,
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
            checkpoint: None,
            resume: None,
            max_time: None,
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
    let mut info = steps.info(trainer, &fit, warnings)?;
    let start = trainer.model.clone();
    let mut course = Course::new(trainer, train, &mut fit, steps)?;
    info.history.clone_from(&course.history.epochs);
    fit.callbacks.iter_mut().for_each(|c| c.on_train_begin(&info));
    let done = course.train(trainer, &mut validation, &mut fit);
    course.report(&mut fit, true);
    match done {
        Ok(()) => Ok(course.history),
        Err(TrainError::NotFinite { epoch, step, loss, learning_rate, .. }) => {
            let last_good = course.last_checkpoint();
            let origin = course.explain(trainer, start, train, &fit, last_good.as_ref()).map(Box::new);
            let last_good = last_good.map(|checkpoint| checkpoint.path().to_owned());
            Err(TrainError::NotFinite { origin, last_good, epoch, step, loss, learning_rate })
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn not_finite(epoch: usize, step: usize, loss: f64, learning_rate: f64) -> TrainError {
    TrainError::NotFinite { origin: None, last_good: None, epoch, step, loss, learning_rate }
}

/// A run under way.
struct Course {
    steps: Steps,
    history: History,
    keeper: Option<Keeper>,
    /// The checkpoint that the run went on from.
    resumed: Option<PathBuf>,
    /// What the run is made of, if there are checkpoints.
    description: Value,
    /// The epoch under way, from one, and the steps of it that were taken.
    epoch: usize,
    step: usize,
    /// When this process began with the run and with the epoch.
    began: Instant,
    epoch_began: Instant,
    /// How long the processes before this one have taken.
    before: Duration,
    epoch_before: Duration,
    /// What callbacks have multiplied learning rates by.
    factor: f64,
}

impl Course {
    /// The start of a run, or the place where it was left.
    fn new(trainer: &mut Trainer, train: &Dataset, fit: &mut Fit<'_>, steps: Steps) -> Result<Self, TrainError> {
        let (resume, wish) = (fit.resume.take(), fit.checkpoint.take());
        let needed = resume.is_some() || wish.is_some();
        let description = if needed { describe(trainer, train, fit) } else { Value::Null };
        let keeper = wish.map(|wish| Keeper::new(wish, resume.as_ref())).transpose()?;
        let now = Instant::now();
        let (history, zero) = (History::default(), Duration::ZERO);
        let mut course = Course {
            steps,
            history,
            keeper,
            resumed: resume.as_ref().map(|checkpoint| checkpoint.path().to_owned()),
            description,
            epoch: 1,
            step: 0,
            began: now,
            epoch_began: now,
            before: zero,
            epoch_before: zero,
            factor: 1.0,
        };
        if let Some(checkpoint) = resume {
            course.resume(&checkpoint, trainer, fit)?;
        }
        Ok(course)
    }

    fn resume(&mut self, checkpoint: &Checkpoint, trainer: &mut Trainer, fit: &mut Fit<'_>) -> Result<(), TrainError> {
        checkpoint.check(&self.description)?;
        self.steps.restore(checkpoint)?;
        let record = &checkpoint.record;
        self.history.epochs = record.history.iter().map(EpochRecord::from).collect();
        (self.epoch, self.step) = (record.epoch, record.step);
        self.before = Duration::try_from_secs_f64(record.seconds).unwrap_or_default();
        self.epoch_before = Duration::try_from_secs_f64(record.epoch_seconds).unwrap_or_default();
        self.steps.publish(&mut trainer.model);
        (self.factor, self.history.stopped) = (record.learning_rate_factor, record.stopped.clone());
        for callback in &mut fit.callbacks {
            if let Some(state) = record.callbacks.get(callback.name()) {
                callback.restore(state, checkpoint.tensors_of(callback.name()));
            }
        }
        Ok(())
    }

    /// Goes through the epochs that are left.
    fn train(
        &mut self,
        trainer: &mut Trainer,
        validation: &mut Option<EvaluationPass>,
        fit: &mut Fit<'_>,
    ) -> Result<(), TrainError> {
        while self.epoch <= fit.epochs && !self.history.interrupted && self.history.stopped.is_none() {
            self.epoch_began = Instant::now();
            fit.callbacks.iter_mut().for_each(|c| c.on_epoch_begin(self.epoch, fit.epochs));
            self.history.interrupted = self.go_through(trainer, fit)?;
            self.check_weights(trainer)?;
            self.steps.publish(&mut trainer.model);
            if self.history.stopped.is_some() {
                break;
            }
            if self.history.interrupted || !self.conclude_epoch(trainer, validation, fit)? {
                self.history.interrupted = true;
                break;
            }
            let more = self.epoch <= fit.epochs && self.history.stopped.is_none();
            self.history.interrupted = more && fit.stop.is_stopped();
            self.keep(trainer, fit, Moment::Epoch(self.epoch - 1));
        }
        self.keep(trainer, fit, if self.history.interrupted { Moment::Stop } else { Moment::End });
        Ok(())
    }

    /// Takes the steps that are left of the epoch; answers whether it was stopped before the last.
    fn go_through(&mut self, trainer: &Trainer, fit: &mut Fit<'_>) -> Result<bool, TrainError> {
        let steps = self.steps.loader.batches_per_epoch();
        let position = self.step.saturating_mul(self.steps.loader.batch_size());
        let mut batches = self.steps.loader.epoch_from(self.epoch as u64 - 1, position);
        while let Some(n) = self.steps.fetch(&mut batches)? {
            let learning_rate = self.factor * trainer.optimizer.learning_rate_at(self.steps.taken, self.steps.total);
            let info = StepInfo { seed: fit.seed, step: self.steps.taken, learning_rate };
            self.steps.waited = batches.waited();
            let loss = self.steps.take(n, &info)?;
            self.step += 1;
            if !loss.is_finite() {
                return Err(not_finite(self.epoch, self.step, loss, learning_rate));
            }
            if !fit.callbacks.is_empty() {
                let (logs, elapsed) = (self.steps.meter.running(), self.epoch_before + self.epoch_began.elapsed());
                fit.callbacks.iter_mut().for_each(|c| c.on_batch_end(self.step, steps, logs, elapsed));
            }
            if self.step < steps && fit.stop.is_stopped() {
                return Ok(true);
            }
            if fit.max_time.is_some_and(|most| self.before + self.began.elapsed() >= most) {
                self.history.stopped = Some("the time is up".to_owned());
                return Ok(false);
            }
            if self.step < steps {
                self.keep(trainer, fit, Moment::Step);
            }
        }
        Ok(false)
    }

    /// Refuses weights that the last step has spoilt.
    fn check_weights(&self, trainer: &Trainer) -> Result<(), TrainError> {
        if self.steps.is_finite() {
            return Ok(());
        }
        let learning_rate = trainer.optimizer.learning_rate_at(self.steps.taken.saturating_sub(1), self.steps.total);
        Err(not_finite(self.epoch, self.step, f64::NAN, learning_rate))
    }

    /// Validates the epoch and records it; answers whether that was done or stopped.
    fn conclude_epoch(
        &mut self,
        trainer: &mut Trainer,
        validation: &mut Option<EvaluationPass>,
        fit: &mut Fit<'_>,
    ) -> Result<bool, TrainError> {
        let spent = self.epoch_before + self.epoch_began.elapsed();
        let waited = self.steps.waited.as_secs_f64() / spent.as_secs_f64().max(f64::MIN_POSITIVE);
        let validation = match validation {
            None => None,
            Some(pass) => {
                // Without a checkpoint the epoch would be lost; with one it is validated when the run goes on.
                let stop = self.keeper.is_some().then_some(&fit.stop);
                let Some(evaluation) = pass.run_until(&trainer.model, stop)? else { return Ok(false) };
                Some(evaluation)
            }
        };
        let (train, steps) = (self.steps.meter.finish(), self.steps.loader.batches_per_epoch());
        let seconds = (self.epoch_before + self.epoch_began.elapsed()).as_secs_f64();
        let record = EpochRecord { epoch: self.epoch, epochs: fit.epochs, steps, train, validation, seconds, waited };
        if let Some(keeper) = &mut self.keeper {
            keeper.watch(&record)?;
        }
        fit.callbacks.iter_mut().for_each(|c| c.on_epoch_end(&record));
        self.steer(trainer, &record, fit)?;
        self.history.epochs.push(record);
        (self.epoch, self.step, self.epoch_before) = (self.epoch + 1, 0, Duration::ZERO);
        Ok(true)
    }

    /// Lets callbacks decide how training goes on.
    fn steer(&mut self, trainer: &mut Trainer, record: &EpochRecord, fit: &mut Fit<'_>) -> Result<(), TrainError> {
        let mut steering =
            Steering { model: &trainer.model, stop: None, weights: None, learning_rate_factor: self.factor };
        for callback in &mut fit.callbacks {
            if let Some(problem) = callback.take_problem() {
                return Err(problem);
            }
            if callback.steers() {
                callback.steer(record, &mut steering)?;
            }
        }
        self.factor = steering.learning_rate_factor;
        self.history.stopped = steering.stop.filter(|_| record.epoch < record.epochs);
        if let Some(weights) = steering.weights {
            self.steps.replace(&weights)?;
            self.steps.publish(&mut trainer.model);
        }
        Ok(())
    }

    /// Has a checkpoint written if one is due.
    fn keep(&mut self, trainer: &Trainer, fit: &mut Fit<'_>, moment: Moment) {
        self.report(fit, false);
        let Some(keeper) = &mut self.keeper else { return };
        if !keeper.is_due((self.epoch, self.step), self.steps.taken, moment) {
            return;
        }
        let in_epoch = if self.step == 0 { Duration::ZERO } else { self.epoch_before + self.epoch_began.elapsed() };
        let record = Record {
            format: FORMAT,
            epoch: self.epoch,
            step: self.step,
            taken: self.steps.taken,
            seconds: (self.before + self.began.elapsed()).as_secs_f64(),
            epoch_seconds: in_epoch.as_secs_f64(),
            best: keeper.best.map(Exact),
            run: self.description.clone(),
            history: self.history.epochs.iter().map(Into::into).collect(),
            learning_rate_factor: self.factor,
            stopped: self.history.stopped.clone(),
            callbacks: fit.callbacks.iter().map(|c| (c.name().to_owned(), c.state())).collect(),
        };
        let mut file = self.steps.snapshot(trainer);
        for callback in fit.callbacks.iter().filter(|callback| !callback.tensors().is_empty()) {
            file.state.extend(checkpoint::tensors(callback.name(), callback.tensors()));
        }
        let event = keeper.save(file, &record, &self.steps.meter.state());
        event.iter().for_each(|event| tell(fit, event));
    }

    /// The last checkpoint before this moment.
    fn last_checkpoint(&self) -> Option<Checkpoint> {
        let newest = self.keeper.as_ref().and_then(|keeper| Checkpoint::newest(keeper.folder()).ok());
        let newest = newest.map(|(checkpoint, _)| checkpoint).filter(|found| found.record.run == self.description);
        newest.or_else(|| self.resumed.as_ref().and_then(|path| Checkpoint::load(path).ok()))
    }

    /// Where the first number that is not finite appeared, if that can be found out; `start` are the weights before the run.
    fn explain(
        &self,
        trainer: &mut Trainer,
        start: Model,
        train: &Dataset,
        fit: &Fit<'_>,
        from: Option<&Checkpoint>,
    ) -> Option<Origin> {
        let reached = std::mem::replace(&mut trainer.model, start);
        // The explanation is a service; that it failed is not what has to be said.
        let origin = diagnosis::search(trainer, train, fit, from, self.steps.taken).ok().flatten();
        trainer.model = reached;
        origin
    }

    /// Tells callbacks what became of the last checkpoint.
    fn report(&mut self, fit: &mut Fit<'_>, wait: bool) {
        let event = self.keeper.as_mut().and_then(|keeper| keeper.event(wait));
        event.iter().for_each(|event| tell(fit, event));
    }
}

fn tell(fit: &mut Fit<'_>, event: &CheckpointEvent) {
    fit.callbacks.iter_mut().for_each(|callback| callback.on_checkpoint(event));
}

/// Everything that the result of a run depends on, but for the instruction set.
fn describe(trainer: &Trainer, train: &Dataset, fit: &Fit<'_>) -> Value {
    let Trainer { model, optimizer, loss, metrics, preprocessing, .. } = trainer;
    let validation = fit.validation.map(|data| DataRecord::of("validation", data).sha256);
    json!({
        "model": model.spec,
        "data": {
            "training_sha256": DataRecord::of("train", train).sha256,
            "validation_sha256": validation,
            "preprocessing": preprocessing,
            "augment": fit.augment,
        },
        "train": {
            "loss": loss,
            "optimizer": optimizer,
            "metrics": metrics.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "epochs": fit.epochs,
            "batch_size": fit.batch_size,
            "seed": fit.seed,
            "shuffle": fit.shuffle,
            "ema_momentum": fit.ema,
            "precision": fit.precision,
            "memory_limit": fit.memory_limit,
            "class_weight": fit.class_weight,
        },
    })
}
