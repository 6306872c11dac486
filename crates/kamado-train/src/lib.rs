//! Fit, evaluate and predict: the trainer, metrics, callbacks, history, preflight checks and recipes.
#![forbid(unsafe_code)]

pub mod baseline;
pub mod callbacks;
pub mod error;
pub mod evaluation;
pub mod files;
pub mod history;
pub mod metrics;
pub mod preflight;
pub mod run;

mod fit;
mod meter;
mod pass;
mod targets;
#[cfg(test)]
mod testing;
mod trainer;

pub use baseline::Baseline;
pub use callbacks::{Callback, StopFlag, TrainInfo};
pub use error::TrainError;
pub use evaluation::{Evaluation, Score};
pub use fit::Fit;
pub use history::{EpochRecord, History};
pub use metrics::Metric;
pub use run::{DataRecord, Machine, RunRecord};
pub use trainer::{Predictions, Trainer};
