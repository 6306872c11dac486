//! The model file: architecture, weights, preprocessing and labels in one `.safetensors` file.
//!
//! The tensors are the weights by name. The header's metadata holds
//! - `kamado.format`: the version of this layout, `1`;
//! - `kamado.model`: the [`ModelSpec`](crate::model::ModelSpec) as JSON;
//! - `kamado.preprocessing`: what turns raw data into the model's input, as JSON;
//! - `kamado.labels`: the names of the classes, as a JSON list;
//! - `kamado.extra`: anything else, as JSON;
//! - `kamado.checksum`: SHA-256 of the file, in hexadecimal, with zeros in its own place.
//!
//! Tensors named `state.…` belong to a checkpoint, not to the model. The same contents give the same bytes. Any
//! program that reads safetensors can read the weights.

mod atomic;
mod checksum;
mod header;
mod read;
mod write;

pub use atomic::write_atomically;
pub use read::{load, parse};
pub use write::{save, to_bytes};

use std::path::PathBuf;

use serde_json::Value;

use crate::error::NnError;
use crate::model::{Model, Variable};

/// The version of the layout that is written.
pub const FORMAT: &str = "1";

/// The most bytes that a file may have: 16 GiB.
pub const MAX_FILE: u64 = 16 << 30;

/// The contents of a model file.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelFile {
    /// Architecture and weights.
    pub model: Model,
    /// What turns raw data into the model's input; kept as it is.
    pub preprocessing: Value,
    /// The names of the classes; empty if there are none.
    pub labels: Vec<String>,
    /// Anything else; kept as it is.
    pub extra: Value,
    /// Tensors that belong to a checkpoint, such as the optimiser's slots; read back in the order of their names.
    pub state: Vec<Variable>,
}

impl ModelFile {
    /// A file with nothing but the model.
    pub fn new(model: Model) -> Self {
        ModelFile { model, preprocessing: Value::Null, labels: Vec::new(), extra: Value::Null, state: Vec::new() }
    }
}

/// A model file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// The operating system refused.
    #[error("cannot {action} {path:?}: {source}{}", remedy(source))]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path:?} is not a usable model file: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ModelFileError>,
    },
    /// The bytes are not a safetensors file, or damaged.
    #[error("{0}")]
    Damaged(String),
    /// The file is sound, but this program cannot use it.
    #[error("{0}")]
    Unsupported(String),
    /// Weights and architecture do not belong together.
    #[error("{0}")]
    Mismatch(String),
    /// The architecture is not possible.
    #[error("its architecture is not possible: {0}")]
    Model(#[from] NnError),
}

fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "; free some space or write elsewhere; what was there before is unchanged"
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; check the permissions or choose another directory"
        }
        std::io::ErrorKind::NotFound => "; check the path",
        _ => "",
    }
}
