//! What can be wrong with a graph that a user describes.

/// Why an operator does not accept its inputs: what it expects and what came.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(pub String);

impl ShapeError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        ShapeError(text.into())
    }
}

/// A graph could not be built, differentiated or read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GraphError {
    /// An operator does not accept its inputs.
    #[error("{}{op}: {why}", in_scope(scope))]
    Shape {
        /// The layer that adds the operator.
        scope: String,
        /// The operator.
        op: &'static str,
        /// What it expects and what came.
        why: ShapeError,
    },
    /// A gradient was asked for that does not exist.
    #[error("{}no gradient reaches {target}: {why}", in_scope(scope))]
    Gradient {
        /// The layer where the path ends.
        scope: String,
        /// What should have received the gradient.
        target: String,
        /// Where and why the path ends.
        why: String,
    },
    /// The gradients of single examples cannot be told apart or measured.
    #[error("{}{op}: {why}", in_scope(scope))]
    Examples {
        /// The layer.
        scope: String,
        /// The operator.
        op: &'static str,
        /// Why not, and what to do.
        why: String,
    },
    /// The graph breaks a rule that every pass must keep.
    #[error("the graph is not well formed at {place}: {why}")]
    Malformed {
        /// The node, output or update.
        place: String,
        /// The rule that it breaks.
        why: String,
    },
    /// Text does not describe a graph.
    #[error("line {line}: {why}")]
    Text {
        /// The line, counted from one.
        line: usize,
        /// What is wrong there.
        why: String,
    },
}

fn in_scope(scope: &str) -> String {
    if scope.is_empty() { String::new() } else { format!("layer {scope:?}: ") }
}
