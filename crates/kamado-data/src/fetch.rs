//! Downloading public datasets once: from mirrors, resumable, verified, kept in the user's cache directory.

mod cache;
mod download;
mod mnist;

use std::path::{Path, PathBuf};

use crate::error::{DataError, Result};

pub use cache::cache_directory;
pub use mnist::{MNIST_FILES, MNIST_MIRRORS, mnist};

/// A file that can be downloaded, and how to know that it is the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name, which follows the address of a mirror.
    pub name: &'static str,
    /// Its length; a server that sends more is cut off.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// What a download is doing, for a progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The file is there already.
    Cached {
        /// Its name.
        file: &'a str,
    },
    /// Another process is downloading to the same directory; this one waits.
    Waiting,
    /// This many bytes of the file are there.
    Progress {
        /// Its name.
        file: &'a str,
        /// Bytes there.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A mirror failed; the next one is tried.
    Failed {
        /// The address.
        url: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// The file is complete and verified.
    Done {
        /// Its name.
        file: &'a str,
    },
}

/// Makes sure that `files` are in `directory`, downloading what is missing from the first of `mirrors` (addresses that
/// end in `/`) that delivers; answers where the files are, in order.
///
/// A download that was cut off goes on where it stopped. A file gets its name only when its SHA-256 is right. If two
/// processes do this at once, one waits for the other. Files that are there and right need no network.
///
/// Errors if the directory cannot be written or no mirror delivers a file.
pub fn fetch(
    files: &[RemoteFile],
    mirrors: &[String],
    directory: &Path,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(directory).map_err(|e| DataError::io(directory, "create it", e))?;
    if files.iter().all(|file| cache::is_complete(file, directory)) {
        files.iter().for_each(|file| report(Event::Cached { file: file.name }));
    } else {
        let _lock = cache::lock(directory, report)?;
        for file in files {
            // Again, because another process may have brought it while this one waited for the lock.
            if cache::is_complete(file, directory) {
                report(Event::Cached { file: file.name });
            } else {
                download::from_mirrors(file, mirrors, directory, report)?;
                report(Event::Done { file: file.name });
            }
        }
    }
    Ok(files.iter().map(|file| directory.join(file.name)).collect())
}
