//! Callbacks that write every epoch to a file: CSV, JSON lines and TensorBoard's events.

mod tensorboard;

pub use tensorboard::TensorBoard;

use std::path::PathBuf;

use kamado_nn::model_file::write_atomically;
use serde::{Deserialize, Serialize};

use crate::callbacks::{Callback, TrainInfo};
use crate::error::TrainError;
use crate::history::EpochRecord;

/// The forms in which epochs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A table: a header, then a row for each epoch.
    Csv,
    /// A JSON object for each epoch, with the keys of `history.json`.
    Jsonl,
    /// Event files that TensorBoard reads.
    Tensorboard,
}

/// Writes the epochs so far to a file after each of them, whole or not at all; a resumed run begins with those before.
#[derive(Debug)]
pub struct EpochLog {
    path: PathBuf,
    csv: bool,
    records: Vec<EpochRecord>,
    problem: Option<TrainError>,
}

impl EpochLog {
    /// A table.
    pub fn csv(path: PathBuf) -> Self {
        EpochLog { path, csv: true, records: Vec::new(), problem: None }
    }

    /// JSON lines.
    pub fn jsonl(path: PathBuf) -> Self {
        EpochLog { csv: false, ..EpochLog::csv(path) }
    }

    fn text(&self) -> String {
        if !self.csv {
            // A record is made of what JSON has.
            return self.records.iter().map(|r| serde_json::to_string(r).unwrap_or_default() + "\n").collect();
        }
        let names: Vec<String> = self.records.iter().take(1).flat_map(|r| r.entries().map(|(name, _)| name)).collect();
        let row = |record: &EpochRecord| {
            let values = record.entries().map(|(_, value)| value).chain([record.seconds, record.waited]);
            let cells: Vec<String> = values.map(|value| value.to_string()).collect();
            format!("{},{}\n", record.epoch, cells.join(","))
        };
        format!("epoch,{},seconds,waited\n", names.join(",")) + &self.records.iter().map(row).collect::<String>()
    }
}

impl Callback for EpochLog {
    fn on_train_begin(&mut self, info: &TrainInfo) {
        self.records.clone_from(&info.history);
    }

    fn on_epoch_end(&mut self, record: &EpochRecord) {
        self.records.push(record.clone());
        let written = write_atomically(&self.path, self.text().as_bytes());
        self.problem = written.err().map(TrainError::from);
    }

    fn take_problem(&mut self) -> Option<TrainError> {
        self.problem.take()
    }
}
