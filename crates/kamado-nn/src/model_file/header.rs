//! The header of a safetensors file: eight bytes of length, then JSON.
//!
//! Source: the format's description, <https://github.com/huggingface/safetensors#format>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ModelFileError;

/// The most bytes of a header, as in the safetensors library.
const MAX_HEADER: u64 = 100_000_000;

/// The bytes before the JSON.
pub(super) const LENGTH: usize = 8;

/// The only element type of a model's tensors.
pub(super) const F32: &str = "F32";

/// What the JSON says.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    #[serde(rename = "__metadata__", default)]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(super) tensors: BTreeMap<String, TensorEntry>,
}

/// The type, the extents and the place of a tensor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TensorEntry {
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) data_offsets: [usize; 2],
}

/// Splits a file into header and data, trusting no number in it.
pub(super) fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), ModelFileError> {
    let damaged = |text: String| Err(ModelFileError::Damaged(text));
    if bytes.is_empty() {
        return damaged("it is empty".into());
    }
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        return damaged(format!(
            "it has {} bytes, less than the {LENGTH} that every safetensors file begins with",
            bytes.len()
        ));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER {
        return damaged(format!("it announces a header of {length} bytes, so it is no safetensors file"));
    }
    match usize::try_from(length).ok().and_then(|n| rest.split_at_checked(n)) {
        Some(parts) => Ok(parts),
        None => {
            damaged(format!("it announces a header of {length} bytes, but only {} follow; it is truncated", rest.len()))
        }
    }
}

/// Reads the JSON and checks that the tensors fill the data, without gaps or overlaps.
pub(super) fn parse(json: &[u8], data: &[u8]) -> Result<Header, ModelFileError> {
    let header: Header = serde_json::from_slice(json)
        .map_err(|e| ModelFileError::Damaged(format!("its header is not that of a safetensors file: {e}")))?;
    let mut places: Vec<_> = header.tensors.iter().map(|(name, t)| (t.data_offsets, name, t)).collect();
    places.sort_unstable_by_key(|&(place, name, _)| (place, name));
    let mut end = 0;
    for ([from, to], name, tensor) in places {
        let bytes = tensor.shape.iter().try_fold(4usize, |n, &extent| n.checked_mul(extent));
        if tensor.dtype != F32 {
            return Err(ModelFileError::Unsupported(format!(
                "tensor {name:?} has type {}, expected {F32}",
                tensor.dtype
            )));
        }
        if from != end || to.checked_sub(from) != bytes || bytes.is_none() || to > data.len() {
            return Err(ModelFileError::Damaged(format!(
                "tensor {name:?} of shape {:?} is said to lie at bytes {from} to {to}, but should start at {end} and end \
                 within {}",
                tensor.shape,
                data.len()
            )));
        }
        end = to;
    }
    match end == data.len() {
        true => Ok(header),
        false => {
            Err(ModelFileError::Damaged(format!("its tensors fill {end} bytes, but {} follow the header", data.len())))
        }
    }
}
