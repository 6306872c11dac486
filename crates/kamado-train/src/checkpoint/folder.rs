//! The files of a folder of checkpoints: `step-000000120.safetensors`, and `best.safetensors`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kamado_nn::model_file::ModelFileError;

/// The folder of checkpoints in the directory of a run.
pub const FOLDER: &str = "checkpoints";

/// The checkpoint of the best epoch.
pub const BEST: &str = "best.safetensors";

const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";

/// A checkpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub problem: String,
}

/// The file for the checkpoint after this many steps.
pub(super) fn path_of(folder: &Path, steps: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{steps:09}{SUFFIX}"))
}

/// The checkpoints of a folder by their steps, ascending; none if there is no folder.
pub(super) fn steps(folder: &Path) -> Result<Vec<(u64, PathBuf)>, ModelFileError> {
    let error = |source| ModelFileError::Io { action: "read", path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(error(source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(error)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        if let Some(steps) = number.and_then(|digits| digits.parse().ok()) {
            found.push((steps, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Removes all but the last `keep` up to the one after `newest` steps. Those after it are of a future that did not happen: a
/// run goes on from an older checkpoint only if the newer ones are damaged.
pub(super) fn prune(folder: &Path, newest: u64, keep: usize) {
    let Ok(found) = steps(folder) else { return };
    let (past, future): (Vec<_>, Vec<_>) = found.into_iter().partition(|(steps, _)| *steps <= newest);
    let old = past.len().saturating_sub(keep.max(1));
    // What cannot be removed only takes room.
    past.iter().take(old).chain(&future).for_each(|(_, path)| drop(fs::remove_file(path)));
}

/// Removes what a killed process has left half written.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with('.') && name.ends_with(".tmp") {
            let _ = fs::remove_file(&path);
        }
    }
}
