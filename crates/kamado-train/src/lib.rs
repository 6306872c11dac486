//! Fit, evaluate and predict: the trainer, metrics, callbacks, history, preflight checks and recipes.
#![forbid(unsafe_code)]

pub mod audit;
pub mod baseline;
pub mod callbacks;
pub mod checkpoint;
pub mod control;
pub mod diagnosis;
pub mod error;
pub mod evaluation;
pub mod generate;
pub mod history;
pub mod logs;
pub mod metrics;
pub mod monitor;
pub mod predictor;
pub mod preflight;
pub mod private;
pub mod recipe;
pub mod resources;
pub mod run;

mod fit;
mod inputs;
mod json;
mod meter;
mod pass;
mod steps;
mod targets;
#[cfg(test)]
mod testing;
mod trainer;
mod weights;

pub use audit::{Audit, AuditReport};
pub use baseline::Baseline;
pub use callbacks::{Callback, StopFlag, TrainInfo};
pub use checkpoint::{Checkpoint, CheckpointConfig, CheckpointEvent, Checkpointing};
pub use error::TrainError;
pub use evaluation::{Evaluation, Score};
pub use fit::Fit;
pub use generate::{Decoding, Generation, Generator, Sampling};
pub use history::{EpochRecord, History};
pub use kamado_graph::graph::VariableInfo;
pub use metrics::Metric;
pub use monitor::Monitor;
pub use predictor::{Prediction, Predictor};
pub use private::PrivateFit;
pub use resources::{Bytes, Precision};
pub use run::{DataRecord, Machine, RunRecord};
pub use trainer::{Predictions, Trainer};
pub use weights::ClassWeight;
