//! What happens while training goes on: progress for people, and a way to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::checkpoint::CheckpointEvent;
use crate::control::Steering;
use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::history::EpochRecord;
use crate::preflight::Report;

/// What is known before the first step.
#[derive(Clone, PartialEq, Debug)]
pub struct TrainInfo {
    /// The epochs that were asked for.
    pub epochs: usize,
    /// The steps of an epoch.
    pub steps: usize,
    /// The training examples.
    pub examples: usize,
    /// The validation examples, if there are some.
    pub validation_examples: Option<usize>,
    /// The number of threads.
    pub threads: usize,
    /// The instruction set in use.
    pub isa: &'static str,
    /// The memory for weights, the optimiser's state and a training step, in bytes.
    pub bytes: usize,
    /// The share of the forward arithmetic that a step does again to keep to the memory limit.
    pub recomputed: f64,
    /// What preflight warns of.
    pub warnings: Report,
    /// The epochs that were done before, if the run goes on from a checkpoint.
    pub history: Vec<EpochRecord>,
}

/// Is told how training goes.
pub trait Callback {
    /// Everything is ready for the first step.
    fn on_train_begin(&mut self, _info: &TrainInfo) {}

    /// An epoch begins; `epoch` counts from one.
    fn on_epoch_begin(&mut self, _epoch: usize, _epochs: usize) {}

    /// Step `step` of `steps`, from one, is done: loss and metrics over the epoch so far (NaN for metrics that take
    /// long to compute, such as AUC, until the epoch ends) and the time since the epoch began.
    fn on_batch_end(&mut self, _step: usize, _steps: usize, _logs: &Evaluation, _elapsed: Duration) {}

    /// An epoch is done and validated.
    fn on_epoch_end(&mut self, _record: &EpochRecord) {}

    /// A checkpoint was written, or could not be.
    fn on_checkpoint(&mut self, _event: &CheckpointEvent) {}

    /// Whether it [steers](Callback::steer). Private training, whose steps are planned beforehand, refuses those that do.
    fn steers(&self) -> bool {
        false
    }

    /// May end training, or change how it goes on; called after [`on_epoch_end`](Callback::on_epoch_end) if it
    /// [`steers`](Callback::steers).
    ///
    /// # Errors
    /// If it cannot decide, such as for want of a number that it watches; training ends.
    fn steer(&mut self, _record: &EpochRecord, _steering: &mut Steering<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// What went wrong since it was last asked, such as a file that could not be written; training ends with it.
    fn take_problem(&mut self) -> Option<TrainError> {
        None
    }

    /// The name under which checkpoints keep what it remembers; empty if that is nothing.
    fn name(&self) -> &'static str {
        ""
    }

    /// What it remembers from epoch to epoch.
    fn state(&self) -> Value {
        Value::Null
    }

    /// The weights that it remembers.
    fn tensors(&self) -> &[Vec<f32>] {
        &[]
    }

    /// Takes up what [`state`](Callback::state) and [`tensors`](Callback::tensors) gave.
    fn restore(&mut self, _state: &Value, _tensors: Vec<Vec<f32>>) {}
}

/// Asks training to stop, from another thread or a signal handler; clones share the request.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(pub Arc<AtomicBool>);

impl StopFlag {
    /// Training ends after the step that is under way.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the request was made.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
