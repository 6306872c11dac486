//! When checkpoints are written, and which are kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `[train.checkpoint]`: when checkpoints are written, and which are kept. Each of the `every` settings counts by itself. One is
/// also written when training is stopped from outside and when it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// After every so many steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// After every so many epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_epochs: Option<usize>,
    /// When so many minutes have passed since the last one; 5 unless said otherwise, 0 for never.
    pub every_minutes: f64,
    /// How many of the last ones are kept; 2 unless said otherwise.
    pub keep_last: usize,
    /// The number of an epoch, such as `val_accuracy`, by which the best epoch is kept too; none unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_best: Option<String>,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        CheckpointConfig { every_steps: None, every_epochs: None, every_minutes: 5.0, keep_last: 2, keep_best: None }
    }
}

/// Where and when [`fit`](crate::Trainer::fit) writes checkpoints.
#[derive(Clone, Debug, Default)]
pub struct Checkpointing {
    /// The folder for them; it is made with the first one.
    pub folder: PathBuf,
    /// When, and which are kept.
    pub config: CheckpointConfig,
    /// What goes into their `extra`, such as the recipe; an object.
    pub extra: Value,
}
