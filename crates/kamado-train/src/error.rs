//! Why training, evaluation or prediction stopped.

use std::path::PathBuf;

use kamado_data::DataError;
use kamado_engine::{EngineError, Footprint};
use kamado_graph::error::GraphError;
use kamado_nn::NnError;
use kamado_nn::model_file::ModelFileError;
use kamado_privacy::PrivacyError;

use crate::diagnosis::Origin;
use crate::metrics::MetricError;
use crate::preflight::Report;

/// Why training, evaluation or prediction stopped. The text says what was expected, what came and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Model, loss and data do not fit each other.
    #[error("{0}")]
    Preflight(Report),
    /// The loss became infinite or not a number.
    #[error("the loss is {loss} in epoch {epoch}, step {step}: training has diverged. {}", diverged(*learning_rate, origin, last_good))]
    NotFinite {
        /// Where it began, if that was found.
        origin: Option<Box<Origin>>,
        /// The last checkpoint before it, if there is one.
        last_good: Option<PathBuf>,
        /// The epoch, from one.
        epoch: usize,
        /// The step of the epoch, from one.
        step: usize,
        /// The loss of the step.
        loss: f64,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// A run would take more memory than there is.
    #[error(
        "training needs {} MB of memory ({} MB for weights and the optimiser's state, {} MB for a step), but {} MB are free. \
         Use a smaller batch_size (it is {batch_size}), a memory_limit, an optimiser with less state, or a smaller model",
        megabytes(footprint.total()), megabytes(footprint.variables),
        megabytes(footprint.results + footprint.scratch), available / 1_000_000
    )]
    Memory {
        /// What is needed.
        footprint: Footprint,
        /// What is free, in bytes.
        available: u64,
        /// The examples of a step.
        batch_size: usize,
    },
    /// Something was asked for that cannot be done.
    #[error("{problem}. {remedy}")]
    Request {
        /// What cannot be done and why.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// What was asked of private training cannot be.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] ModelFileError),
    /// The metric does not exist or does not fit.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The model, loss or optimiser is not possible as described.
    #[error(transparent)]
    Model(#[from] NnError),
    /// The data cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The graph could not be compiled or run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The graph could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

fn megabytes(bytes: usize) -> usize {
    bytes.div_ceil(1_000_000)
}

/// Where it began, and what to do.
fn diverged(learning_rate: f64, origin: &Option<Box<Origin>>, last_good: &Option<PathBuf>) -> String {
    let rate = format!(
        "Use a smaller learning rate (it was {learning_rate:e} in this step), and check that the input is scaled to a range \
         such as 0 to 1"
    );
    let kept =
        last_good.as_ref().map_or_else(String::new, |path| format!(". The last good checkpoint is {}", path.display()));
    match origin {
        Some(origin) => format!("{origin}. {}{kept}", origin.remedy().unwrap_or(&rate)),
        None => rate + &kept,
    }
}

impl TrainError {
    pub(crate) fn request(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        TrainError::Request { problem: problem.into(), remedy: remedy.into() }
    }
}
