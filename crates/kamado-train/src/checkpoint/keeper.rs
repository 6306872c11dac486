//! When checkpoints are due, and handing them to the thread that writes them.

use std::path::Path;
use std::time::{Duration, Instant};

use kamado_graph::graph::{Role, VariableInfo};
use kamado_nn::model::Variable;
use kamado_nn::model_file::ModelFile;

use super::config::Checkpointing;
use super::folder;
use super::record::{Exact, Record};
use super::writer::{CheckpointEvent, Job, Writer};
use super::{Checkpoint, KEY};
use crate::error::TrainError;
use crate::history::EpochRecord;
use crate::monitor::Monitor;

/// The prefix of tensors that hold what metrics have taken in.
pub(super) const METER: &str = "meter.";

/// A moment at which a checkpoint may be due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// After a step in the middle of an epoch.
    Step,
    /// After this epoch.
    Epoch(usize),
    /// Training is stopped from outside.
    Stop,
    /// Training ends.
    End,
}

/// Knows when checkpoints are due and has them written.
pub(crate) struct Keeper {
    wish: Checkpointing,
    monitor: Option<Monitor>,
    writer: Writer,
    last: Instant,
    is_best: bool,
    /// The epoch and its step of the last checkpoint, if there is one.
    saved: Option<(usize, usize)>,
    pub(crate) best: Option<f64>,
}

impl Keeper {
    /// A keeper for a run that begins, or goes on from a checkpoint.
    ///
    /// # Errors
    /// If the run begins, but there are checkpoints already.
    pub(crate) fn new(wish: Checkpointing, resumed: Option<&Checkpoint>) -> Result<Self, TrainError> {
        folder::sweep(&wish.folder);
        if resumed.is_none() && !folder::steps(&wish.folder)?.is_empty() {
            return Err(TrainError::request(
                format!("{} holds the checkpoints of a run, which a new one would replace", wish.folder.display()),
                "Go on with that run (`--resume DIR`), give another directory (`--out DIR`), or remove this one",
            ));
        }
        let writer = Writer::start(wish.folder.clone(), wish.config.keep_last).map_err(|error| {
            TrainError::request(format!("cannot start the thread that writes checkpoints: {error}"), "Close programs")
        })?;
        let monitor = wish.config.keep_best.as_deref().map(str::parse).transpose()?;
        let best = resumed.and_then(|checkpoint| checkpoint.record.best).map(|Exact(best)| best);
        let saved = resumed.map(Checkpoint::position);
        Ok(Keeper { wish, monitor, writer, last: Instant::now(), is_best: false, saved, best })
    }

    /// Where checkpoints are.
    pub(crate) fn folder(&self) -> &Path {
        &self.wish.folder
    }

    /// Takes note of an epoch that is done.
    ///
    /// # Errors
    /// If there is no such number as `keep_best` watches.
    pub(crate) fn watch(&mut self, record: &EpochRecord) -> Result<(), TrainError> {
        let Some(monitor) = &self.monitor else { return Ok(()) };
        let value = monitor.of(record)?;
        if monitor.is_better(value, self.best) {
            (self.best, self.is_best) = (Some(value), true);
        }
        Ok(())
    }

    /// Whether a checkpoint should be written now, after `taken` steps.
    pub(crate) fn is_due(&mut self, position: (usize, usize), taken: u64, moment: Moment) -> bool {
        if self.saved == Some(position) && !self.is_best {
            return false;
        }
        let config = &self.wish.config;
        let minutes = config.every_minutes;
        let timed =
            minutes > 0.0 && self.last.elapsed() >= Duration::try_from_secs_f64(60.0 * minutes).unwrap_or_default();
        let counted = match moment {
            Moment::Step => config.every_steps.is_some_and(|n| taken.is_multiple_of(n.max(1))),
            Moment::Epoch(epoch) => config.every_epochs.is_some_and(|n| epoch.is_multiple_of(n.max(1))),
            Moment::Stop => true,
            // A run that is over needs none, but the last one of those that are there should be the end.
            Moment::End => self.saved.is_some(),
        };
        if counted || self.is_best {
            return true;
        }
        // What is due by time alone can wait until the one before is written.
        timed && !self.writer.is_busy()
    }

    /// Has a checkpoint written.
    pub(crate) fn save(&mut self, mut file: ModelFile, record: &Record, meter: &[Vec<f64>]) -> Option<CheckpointEvent> {
        let before = self.writer.event(true);
        file.extra = self.wish.extra.clone();
        // A record is made of what JSON has.
        file.extra[KEY] = serde_json::to_value(record).unwrap_or_default();
        file.state.extend(meter.iter().enumerate().map(|(i, numbers)| meter_tensor(i, numbers)));
        self.writer.write(Job { file, steps: record.taken, best: std::mem::take(&mut self.is_best) });
        self.last = Instant::now();
        self.saved = Some((record.epoch, record.step));
        before
    }

    /// What became of the last checkpoint, if that is known by now, or after waiting for it.
    pub(crate) fn event(&mut self, wait: bool) -> Option<CheckpointEvent> {
        self.writer.event(wait)
    }
}

/// The prefix of tensors that a callback remembers.
const CALLBACK: &str = "callback.";

/// What the callback of this name remembers, as tensors.
pub(crate) fn tensors(name: &str, values: &[Vec<f32>]) -> Vec<Variable> {
    let tensor = |(i, value): (usize, &Vec<f32>)| {
        let info =
            VariableInfo { name: format!("{CALLBACK}{name}.{i:05}"), shape: vec![value.len()], role: Role::Slot };
        Variable { info, value: value.clone() }
    };
    values.iter().enumerate().map(tensor).collect()
}

/// 64-bit floats as pairs of 32-bit patterns, since the tensors of a model file have 32 bits.
fn meter_tensor(index: usize, numbers: &[f64]) -> Variable {
    let halves = |x: &f64| [(x.to_bits() >> 32) as u32, x.to_bits() as u32].map(f32::from_bits);
    let info = VariableInfo { name: format!("{METER}{index:03}"), shape: vec![numbers.len(), 2], role: Role::Slot };
    Variable { info, value: numbers.iter().flat_map(halves).collect() }
}

/// What [`Keeper::save`] was given of metrics.
pub(super) fn meter_of(file: &ModelFile) -> Vec<Vec<f64>> {
    let join = |pair: &[f32]| f64::from_bits(u64::from(pair[0].to_bits()) << 32 | u64::from(pair[1].to_bits()));
    let tensors = file.state.iter().filter(|variable| variable.info.name.starts_with(METER));
    tensors.map(|variable| variable.value.chunks_exact(2).map(join).collect()).collect()
}

impl Checkpoint {
    /// The tensors that the callback of this name remembered.
    pub(crate) fn tensors_of(&self, name: &str) -> Vec<Vec<f32>> {
        let prefix = format!("{CALLBACK}{name}.");
        let own = self.file.state.iter().filter(|variable| variable.info.name.starts_with(&prefix));
        own.map(|variable| variable.value.clone()).collect()
    }

    /// What metrics had taken in of the epoch under way.
    pub(crate) fn meter(&self) -> Vec<Vec<f64>> {
        meter_of(&self.file)
    }
}
