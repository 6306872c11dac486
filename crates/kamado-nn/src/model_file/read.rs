//! Reading a model file, trusting nothing in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use kamado_graph::graph::{Role, VariableInfo};
use serde::de::DeserializeOwned;

use super::header::{self, Header, TensorEntry};
use super::write::STATE;
use super::{FORMAT, MAX_FILE, ModelFile, ModelFileError, checksum};
use crate::model::{Model, ModelSpec, Variable};

/// Reads a model file.
///
/// # Errors
/// [`ModelFileError::Io`] if it cannot be read; [`ModelFileError::File`] with what is wrong in it: empty, truncated,
/// changed by as little as a bit, not a model file, of another version, or weights that do not fit the architecture.
pub fn load(path: &Path) -> Result<ModelFile, ModelFileError> {
    let bytes = read(path)?;
    parse(&bytes).map_err(|source| ModelFileError::File { path: path.to_owned(), source: Box::new(source) })
}

/// Reads the bytes of a model file. It allocates no more than a small multiple of their number.
///
/// # Errors
/// As [`load`], without the path.
pub fn parse(bytes: &[u8]) -> Result<ModelFile, ModelFileError> {
    checksum::verify(bytes)?;
    let (json, data) = header::split(bytes)?;
    let Header { metadata, tensors } = header::parse(json, data)?;
    let format: &str = entry(&metadata, "kamado.format")?;
    if format != FORMAT {
        return Err(ModelFileError::Unsupported(format!(
            "it has version {format:?}, but this program reads version {FORMAT:?}; use the program that wrote it"
        )));
    }
    let spec: ModelSpec = value(&metadata, "kamado.model")?;
    let (state, weights): (Vec<_>, Vec<_>) = tensors.into_iter().partition(|(name, _)| name.starts_with(STATE));
    let variables = weights_of(&spec, weights.into_iter().collect(), data)?;
    Ok(ModelFile {
        model: Model { spec, variables },
        preprocessing: value(&metadata, "kamado.preprocessing")?,
        labels: value(&metadata, "kamado.labels")?,
        extra: value(&metadata, "kamado.extra")?,
        state: state.into_iter().map(|(name, tensor)| state_of(&name, tensor, data)).collect(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, ModelFileError> {
    let io = |source| ModelFileError::Io { action: "read", path: path.to_owned(), source };
    let refuse = |text: String| {
        let source = Box::new(ModelFileError::Unsupported(text));
        Err(ModelFileError::File { path: path.to_owned(), source })
    };
    // Asked before opening: opening a pipe would wait for a writer.
    let about = std::fs::metadata(path).map_err(io)?;
    if !about.is_file() {
        return refuse("it is a directory or a device, not a file".into());
    }
    if about.len() > MAX_FILE {
        return refuse(format!("it has {} bytes, more than the {MAX_FILE} that are read at most", about.len()));
    }
    let mut bytes = Vec::new();
    let size = usize::try_from(about.len()).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(size).map_err(|_| io(std::io::ErrorKind::OutOfMemory.into()))?;
    File::open(path).and_then(|file| file.take(about.len()).read_to_end(&mut bytes)).map_err(io)?;
    Ok(bytes)
}

fn entry<'a>(metadata: &'a BTreeMap<String, String>, key: &str) -> Result<&'a String, ModelFileError> {
    metadata.get(key).ok_or_else(|| ModelFileError::Unsupported(format!("its header has no {key}")))
}

fn value<T: DeserializeOwned>(metadata: &BTreeMap<String, String>, key: &str) -> Result<T, ModelFileError> {
    serde_json::from_str(entry(metadata, key)?)
        .map_err(|e| ModelFileError::Unsupported(format!("{key} in its header is not as expected: {e}")))
}

/// The weights that the architecture asks for, and no others.
fn weights_of(
    spec: &ModelSpec,
    mut tensors: BTreeMap<String, TensorEntry>,
    data: &[u8],
) -> Result<Vec<Variable>, ModelFileError> {
    let mut variables = Vec::new();
    for info in spec.variables()? {
        let VariableInfo { name, shape, .. } = &info;
        match tensors.remove(name) {
            Some(tensor) if tensor.shape == *shape => variables.push(Variable { value: floats(&tensor, data), info }),
            Some(tensor) => {
                return Err(ModelFileError::Mismatch(format!(
                    "tensor {name:?} has shape {:?}, but the architecture expects {shape:?}",
                    tensor.shape
                )));
            }
            None => {
                return Err(ModelFileError::Mismatch(format!(
                    "the architecture expects a tensor {name:?} of shape {shape:?}, which is missing"
                )));
            }
        }
    }
    match tensors.keys().next() {
        None => Ok(variables),
        Some(name) => {
            Err(ModelFileError::Mismatch(format!("tensor {name:?} is in the file, but not in the architecture")))
        }
    }
}

fn state_of(name: &str, tensor: TensorEntry, data: &[u8]) -> Variable {
    let value = floats(&tensor, data);
    let name = name.strip_prefix(STATE).unwrap_or(name).to_owned();
    Variable { info: VariableInfo { name, shape: tensor.shape, role: Role::Slot }, value }
}

/// The elements of a tensor whose place the header's check has confirmed.
fn floats(tensor: &TensorEntry, data: &[u8]) -> Vec<f32> {
    let [from, to] = tensor.data_offsets;
    let (elements, _) = data[from..to].as_chunks();
    elements.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}
