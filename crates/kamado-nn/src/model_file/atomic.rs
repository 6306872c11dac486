//! Replacing a file in one step.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ModelFileError;

/// Writes `bytes` to `path`: to a temporary file beside it, flushed to the disk and renamed, so that there is the old
/// file or the new one at any time, and never a part.
///
/// # Errors
/// [`ModelFileError::Io`]; the old file, if any, is unchanged, and no temporary file stays.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ModelFileError> {
    let error = |source| ModelFileError::Io { action: "write", path: path.to_owned(), source };
    let temporary = beside(path).map_err(error)?;
    let result = fill(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if result.is_err() {
        // The first error is the one worth reporting.
        let _ = std::fs::remove_file(&temporary);
    }
    result.and_then(|()| sync_directory(path)).map_err(error)
}

/// A name in the same directory, so that renaming moves no data. Processes that write the same file do not disturb
/// each other; what a killed one with this process's number left behind is overwritten.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name =
        path.file_name().ok_or_else(|| io::Error::other("expected the name of a file at the end of the path"))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the rename itself last; only Unix can open a directory for that.
fn sync_directory(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}
