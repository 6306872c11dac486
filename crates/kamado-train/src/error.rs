//! Why training, evaluation or prediction stopped.

use kamado_data::DataError;
use kamado_engine::EngineError;
use kamado_graph::error::GraphError;
use kamado_nn::NnError;
use kamado_nn::model_file::ModelFileError;

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
    #[error(
        "the loss is {loss} in epoch {epoch}, step {step}: training has diverged. Use a smaller learning rate (it was \
         {learning_rate:e} in this step), and check that the input is scaled to a range such as 0 to 1"
    )]
    NotFinite {
        /// The epoch, from one.
        epoch: usize,
        /// The step of the epoch, from one.
        step: usize,
        /// The loss of the step.
        loss: f64,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// Something was asked for that cannot be done.
    #[error("{problem}. {remedy}")]
    Request {
        /// What cannot be done and why.
        problem: String,
        /// What to do.
        remedy: String,
    },
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

impl TrainError {
    pub(crate) fn request(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        TrainError::Request { problem: problem.into(), remedy: remedy.into() }
    }
}
