//! JSON files that are whole or not there.

use std::path::Path;

use kamado_nn::model_file::{ModelFileError, write_atomically};
use serde::Serialize;

use crate::error::TrainError;

/// Writes a value as indented JSON, whole or not at all; a file that was there before stays as it was until then.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), TrainError> {
    let io = |e: serde_json::Error| ModelFileError::Io { action: "write", path: path.to_owned(), source: e.into() };
    let mut bytes = serde_json::to_vec_pretty(value).map_err(io)?;
    bytes.push(b'\n');
    Ok(write_atomically(path, &bytes)?)
}
