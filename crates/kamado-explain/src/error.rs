//! Why something could not be explained.

use kamado_data::DataError;
use kamado_engine::EngineError;
use kamado_graph::error::GraphError;
use kamado_nn::NnError;
use kamado_nn::model_file::ModelFileError;

/// Why something could not be explained. The text says what was expected, what came and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// Something was asked for that cannot be done.
    #[error("{problem}. {remedy}")]
    Request {
        /// What cannot be done and why.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A model file could not be read, or a result not written.
    #[error(transparent)]
    File(#[from] ModelFileError),
    /// The model is not possible as described.
    #[error(transparent)]
    Model(#[from] NnError),
    /// The data cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The graph could not be compiled or run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The graph could not be built, or a gradient does not exist.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// What this crate answers.
pub type Result<T> = std::result::Result<T, ExplainError>;

impl ExplainError {
    pub(crate) fn request(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        ExplainError::Request { problem: problem.into(), remedy: remedy.into() }
    }
}

/// `did you mean "…"? `, if one of `names` is near, and nothing otherwise.
pub(crate) fn did_you_mean(wrong: &str, names: &[&str]) -> String {
    let plain = |text: &str| text.chars().take(64).flat_map(char::to_lowercase).collect::<String>();
    let wrong = plain(wrong);
    let near = |name: &&str| strsim::normalized_damerau_levenshtein(&wrong, &plain(name));
    let best = names.iter().max_by(|a, b| near(a).total_cmp(&near(b)));
    best.filter(|name| near(name) >= 0.5).map_or_else(String::new, |name| format!("did you mean {name:?}? "))
}
