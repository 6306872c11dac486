//! Writing a model file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::header::{F32, Header, TensorEntry};
use super::{FORMAT, ModelFile, ModelFileError, atomic, checksum};
use crate::model::Variable;

/// The prefix of the names of tensors that are not weights.
pub(super) const STATE: &str = "state.";

/// Writes a model file: to a temporary file in the same directory, which then takes the file's place, so that after a
/// crash or on a full disk there is the old file or the new one, and nothing between.
///
/// # Errors
/// [`ModelFileError::Io`] with the path; the old file, if any, is unchanged. [`ModelFileError::Mismatch`] if a
/// variable's values do not fit its shape.
pub fn save(path: &Path, file: &ModelFile) -> Result<(), ModelFileError> {
    atomic::write_atomically(path, &to_bytes(file)?)
}

/// The bytes of a model file; the same contents give the same bytes.
///
/// # Errors
/// [`ModelFileError::Mismatch`] if a variable's values do not fit its shape, or two have the same name.
pub fn to_bytes(file: &ModelFile) -> Result<Vec<u8>, ModelFileError> {
    let weights = file.model.variables.iter().map(|v| (v.info.name.clone(), v));
    let state = file.state.iter().map(|v| (format!("{STATE}{}", v.info.name), v));
    let mut tensors: BTreeMap<String, &Variable> = BTreeMap::new();
    for (name, variable) in weights.chain(state) {
        let (shape, n) = (&variable.info.shape, variable.value.len());
        if shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) != Some(n) {
            return Err(ModelFileError::Mismatch(format!("variable {name:?} of shape {shape:?} has {n} values")));
        }
        if tensors.insert(name.clone(), variable).is_some() {
            return Err(ModelFileError::Mismatch(format!("two variables are named {name:?}")));
        }
    }
    let mut header = Header { metadata: metadata(file)?, tensors: BTreeMap::new() };
    let mut end = 0;
    for (name, variable) in &tensors {
        let from = end;
        end += 4 * variable.value.len();
        let (shape, data_offsets) = (variable.info.shape.clone(), [from, end]);
        header.tensors.insert(name.clone(), TensorEntry { dtype: F32.to_owned(), shape, data_offsets });
    }
    let mut json = json(&header)?.into_bytes();
    // Data that begins at a multiple of eight bytes can be read in place.
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.reserve_exact(json.len() + end);
    bytes.extend(json);
    for variable in tensors.values() {
        bytes.extend(variable.value.iter().flat_map(|x| x.to_le_bytes()));
    }
    checksum::seal(&mut bytes)?;
    Ok(bytes)
}

fn metadata(file: &ModelFile) -> Result<BTreeMap<String, String>, ModelFileError> {
    let entries = [
        ("kamado.format", FORMAT.to_owned()),
        ("kamado.model", json(&file.model.spec)?),
        ("kamado.preprocessing", json(&file.preprocessing)?),
        ("kamado.labels", json(&file.labels)?),
        ("kamado.extra", json(&file.extra)?),
        (checksum::KEY, checksum::placeholder()),
    ];
    Ok(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn json(value: &impl Serialize) -> Result<String, ModelFileError> {
    serde_json::to_string(value).map_err(|e| ModelFileError::Unsupported(format!("cannot be written as JSON: {e}")))
}
