//! What can go wrong when a graph is compiled or run.

/// A graph could not be compiled or run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The environment asks for an instruction set that this processor lacks.
    #[error(transparent)]
    Isa(#[from] kamado_kernels::isa::UnknownIsa),
    /// The graph breaks a rule of well-formed graphs.
    #[error(transparent)]
    Graph(#[from] kamado_graph::error::GraphError),
    /// A tensor has more axes than kernels handle.
    #[error("layer {scope:?}: a tensor of shape {shape} has {} axes, but at most {most} are supported", shape.rank())]
    Rank {
        /// The layer that makes it.
        scope: String,
        /// Its shape.
        shape: kamado_graph::shape::Shape,
        /// The most axes of a tensor.
        most: usize,
    },
    /// The system does not have the memory.
    #[error("{what} needs {} MiB of memory, which the system does not have; use a smaller batch size or model", bytes >> 20)]
    OutOfMemory {
        /// What the memory is for.
        what: &'static str,
        /// How much.
        bytes: usize,
    },
    /// A step does not fit into the memory that it may use.
    #[error(
        "a step needs at least {} MB for its intermediate results, even if it computes what it can again, but {} MB are \
         left of memory_limit; use a smaller batch size or a larger limit", needed.div_ceil(1_000_000), limit / 1_000_000
    )]
    MemoryLimit {
        /// The least that is needed, in bytes.
        needed: usize,
        /// What may be used, in bytes.
        limit: usize,
    },
    /// A variable of the graph is not in the store, or has another shape there.
    #[error("variable {name:?} has shape {expected:?} in the graph, but {}", found(stored))]
    Variable {
        /// The variable.
        name: String,
        /// Its shape in the graph.
        expected: Vec<usize>,
        /// Its shape in the store, if it is there.
        stored: Option<Vec<usize>>,
    },
    /// A tensor that is fed, or a value for a variable, is missing or does not fit.
    #[error("{name:?} expects {expected}, got {got}")]
    Feed {
        /// The input or variable.
        name: String,
        /// Type, shape and number of elements.
        expected: String,
        /// What came instead.
        got: String,
    },
    /// A label of a sequence is the blank.
    #[error(
        "label {label} in row {row} of the batch is the blank of the loss ctc; number the classes so that none has the blank's \
         number, and pad labels with -1"
    )]
    Blank {
        /// The row of the batch.
        row: usize,
        /// The label.
        label: i32,
    },
    /// A label is not a class.
    #[error("label {label} in row {row} of the batch is not one of the {classes} classes 0 to {}", classes - 1)]
    Label {
        /// The row of the batch.
        row: usize,
        /// The label.
        label: i32,
        /// The number of classes.
        classes: usize,
    },
    /// An index addresses no row of a table.
    #[error(
        "layer {scope:?}: index {index}, number {position} in row {row} of {input:?}, is not one of the {rows} rows 0 to {} of \
         its table; number from 0, or make the table larger", rows.saturating_sub(1)
    )]
    Index {
        /// The layer.
        scope: String,
        /// The input that holds the index.
        input: String,
        /// The row of the batch.
        row: usize,
        /// The position in that row, from 0.
        position: usize,
        /// The index.
        index: i32,
        /// The rows of the table.
        rows: usize,
    },
}

fn found(stored: &Option<Vec<usize>>) -> String {
    match stored {
        None => "is not in the store".to_owned(),
        Some(shape) => format!("{shape:?} in the store"),
    }
}
