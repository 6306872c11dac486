//! Files that are whole or not there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::error::TrainError;

/// Writes a file whole or not at all: to a temporary file beside it, through to the disk, and renamed. A file that was
/// there before stays as it was until then.
///
/// # Errors
/// [`TrainError::Io`] if the directory or the file cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.{}.tmp", std::process::id()));
    let write = || -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // Without this a power cut may undo the rename; where directories cannot be synced, nothing more can be done.
        let _ = File::open(directory).and_then(|d| d.sync_all());
        Ok(())
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&temporary);
        TrainError::io(path, "write it", source)
    })
}

/// Writes a value as indented JSON, whole or not at all.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), TrainError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|e| TrainError::io(path, "write it", e.into()))?;
    bytes.push(b'\n');
    write_atomically(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/file.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("taken")).unwrap();
        fs::write(dir.path().join("taken/x"), b"x").unwrap();
        let message = write_atomically(&dir.path().join("taken"), b"one").unwrap_err().to_string();
        assert!(message.contains("taken: cannot write it"), "{message}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let message = write_atomically(&dir.path().join("taken/x/y"), b"one").unwrap_err().to_string();
        assert!(message.contains("taken/x/y"), "{message}");
    }
}
