//! Where downloads are kept, and who may write there.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Event, RemoteFile};
use crate::error::{DataError, Result};
use crate::hex::hex;

/// The directory for downloads: `KAMADO_CACHE` if it is set, else the user's cache directory for kamado.
///
/// Errors if there is neither.
pub fn cache_directory() -> Result<PathBuf> {
    choose(std::env::var_os("KAMADO_CACHE"))
}

fn choose(wish: Option<OsString>) -> Result<PathBuf> {
    let usual = || directories::ProjectDirs::from("", "", "kamado").map(|dirs| dirs.cache_dir().to_owned());
    wish.filter(|wish| !wish.is_empty()).map(PathBuf::from).or_else(usual).ok_or_else(|| {
        DataError::request("there is no home directory to keep downloads in", "Set KAMADO_CACHE to a directory")
    })
}

/// Whether the file is in the directory with the right length and digest.
pub(super) fn is_complete(file: &RemoteFile, directory: &Path) -> bool {
    let path = directory.join(file.name);
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == file.bytes)
        && digest(&path).is_ok_and(|digest| digest == file.sha256)
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn digest(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Waits until no other process downloads to the directory; until the answer is dropped, others wait.
///
/// The lock file stays: to remove it while another process waits for it would let two in.
pub(super) fn lock(directory: &Path, report: &mut dyn FnMut(Event<'_>)) -> Result<File> {
    let path = directory.join(".lock");
    let refused = |e| DataError::io(&path, "lock it", e);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            report(Event::Waiting);
            file.lock().map_err(refused)?;
        }
        Err(TryLockError::Error(e)) => return Err(refused(e)),
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_where_downloads_go() {
        assert_eq!(choose(Some("/some/where".into())).unwrap(), Path::new("/some/where"));
        let usual = directories::ProjectDirs::from("", "", "kamado").map(|dirs| dirs.cache_dir().to_owned());
        assert_eq!(choose(Some(OsString::new())).ok(), usual);
        assert_eq!(choose(None).ok(), usual);
    }
}
