//! Checkpoints: a run that was cut off goes on from one, and ends with the same bits as if nothing had happened.
//!
//! A checkpoint is a [model file](kamado_nn::model_file) whose `state.…` tensors hold what else training needs: the
//! optimiser's slots, the weights beside their averages, the metrics of the epoch under way; and whose metadata say where
//! the run is, what it was made of and what it has achieved. There is no state of random numbers: the order of the examples,
//! their distortion and dropout are functions of the seed and of that place. Any command that takes a model takes a
//! checkpoint.
//!
//! A checkpoint is written by a thread in the background to a temporary file, synced and renamed, and its checksum covers
//! every byte; so after a crash there is the one before or the new one. The last ones and the best one are kept.

mod config;
mod differences;
mod folder;
mod keeper;
mod record;
mod verify;
mod writer;

pub use config::{CheckpointConfig, Checkpointing};
pub use folder::{BEST, FOLDER, Skipped};
pub use verify::{Difference, Verdict, verify_resume};
pub use writer::CheckpointEvent;

pub(crate) use differences::differences;
pub(crate) use keeper::{Keeper, Moment, tensors};
pub(crate) use record::{Exact, Record};

use std::path::{Path, PathBuf};

use kamado_nn::model_file::{self, ModelFile, ModelFileError};
use serde_json::Value;

use crate::error::TrainError;

/// The version of the record in a checkpoint.
pub(crate) const FORMAT: u32 = 1;

/// The entry of a model file's `extra` that makes it a checkpoint.
const KEY: &str = "checkpoint";

/// A checkpoint that was read.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    path: PathBuf,
    pub(crate) file: ModelFile,
    pub(crate) record: Record,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If it cannot be read, is damaged by as little as a bit, is a model and no checkpoint, or is of another version.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let mut file = model_file::load(path)?;
        let unusable = |text: String| {
            let source = Box::new(ModelFileError::Unsupported(text));
            TrainError::from(ModelFileError::File { path: path.to_owned(), source })
        };
        let Some(record) = file.extra.get_mut(KEY).map(Value::take) else {
            return Err(unusable("it is a model and no checkpoint: it does not say where its run was".into()));
        };
        let record: Record = serde_json::from_value(record)
            .map_err(|error| unusable(format!("it does not say where its run was: {error}")))?;
        if record.format != FORMAT {
            let text = format!("its record has version {}, but this program reads version {FORMAT}", record.format);
            return Err(unusable(text));
        }
        Ok(Checkpoint { path: path.to_owned(), file, record })
    }

    /// The newest usable checkpoint in a folder, or in the folder [`FOLDER`] of a run's directory; and those that were newer
    /// but cannot be used, with the reasons.
    ///
    /// # Errors
    /// If the folder cannot be read or holds no usable checkpoint.
    pub fn newest(directory: &Path) -> Result<(Self, Vec<Skipped>), TrainError> {
        let inner = directory.join(FOLDER);
        let folder = if inner.is_dir() { inner } else { directory.to_owned() };
        let mut skipped = Vec::new();
        for (_, path) in folder::steps(&folder)?.into_iter().rev() {
            match Checkpoint::load(&path) {
                Ok(checkpoint) => return Ok((checkpoint, skipped)),
                Err(error) => skipped.push(Skipped { path, problem: error.to_string() }),
            }
        }
        let damaged: String = skipped.iter().map(|one| format!("\n  {}", one.problem)).collect();
        Err(TrainError::request(
            format!("there is no checkpoint to go on from in {}{damaged}", folder.display()),
            "Give the directory of a run that was cut off and had [train.checkpoint], or start anew without --resume",
        ))
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The steps that were taken.
    pub fn steps(&self) -> u64 {
        self.record.taken
    }

    /// The epoch that was under way, from one, and the steps of it that were taken.
    pub fn position(&self) -> (usize, usize) {
        (self.record.epoch, self.record.step)
    }

    /// The weights, and what the caller of `fit` had put beside them.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// Refuses to go on with another run; `run` says what this one is made of.
    pub(crate) fn check(&self, run: &Value) -> Result<(), TrainError> {
        let differ = differences(&self.record.run, run);
        if differ.is_empty() {
            return Ok(());
        }
        let listed: String = differ.iter().map(|one| format!("\n  {one}")).collect();
        Err(TrainError::request(
            format!("{} is of another run, which would not go on as it began:{listed}\n", self.path.display()),
            "Give the recipe and the data that it was made with, or start anew in another directory",
        ))
    }
}
