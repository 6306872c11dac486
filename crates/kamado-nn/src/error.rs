//! What can be wrong with a model that a user describes.

use kamado_graph::error::GraphError;

/// A model, a loss or an optimiser is not possible as described.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum NnError {
    /// A layer cannot work with its settings or its input.
    #[error("model.layers[{index}] {name:?} ({kind}): {problem}")]
    Layer {
        /// The position in the model, from zero.
        index: usize,
        /// The layer's name.
        name: String,
        /// The layer's type, as in a recipe.
        kind: &'static str,
        /// What was expected, what came, and what to do.
        problem: String,
    },
    /// The layers do not form a model.
    #[error("model: {0}")]
    Model(String),
    /// The loss does not fit the model's output.
    #[error("loss {loss:?}: {problem}")]
    Loss {
        /// The loss, as in a recipe.
        loss: &'static str,
        /// What was expected, what came, and what to do.
        problem: String,
    },
    /// A setting of the optimiser or of its schedule is out of range.
    #[error("{place}: {problem}")]
    Optimizer {
        /// The setting, as in a recipe.
        place: String,
        /// What was expected and what came.
        problem: String,
    },
    /// The model's graph could not be built or differentiated.
    #[error(transparent)]
    Graph(#[from] GraphError),
}
