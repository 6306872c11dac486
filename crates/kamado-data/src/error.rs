//! What can go wrong with data, in words for the person who has to mend it.

use std::io;
use std::path::{Path, PathBuf};

/// The result of reading, splitting or loading data.
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// Why data could not be had. The text says where, what was expected, what came and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}. {remedy}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, as a verb: "open it".
        action: &'static str,
        /// What the operating system said.
        source: io::Error,
        /// What to do.
        remedy: String,
    },
    /// The content is not what it should be.
    #[error("{file}: expected {expected}, found {found}. {remedy}")]
    Malformed {
        /// The file, or where the bytes came from.
        file: String,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// The request cannot be met with this data.
    #[error("{problem}. {remedy}")]
    Request {
        /// What was asked and why it cannot be.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// No mirror delivered the file.
    #[error("cannot download {file}:\n{attempts}\n{remedy}")]
    Download {
        /// The name of the file.
        file: String,
        /// One line per attempt: address and reason.
        attempts: String,
        /// What to do.
        remedy: String,
    },
}

impl DataError {
    /// An [`DataError::Io`] with the remedy that fits what the operating system said.
    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        let remedy = match source.kind() {
            io::ErrorKind::NotFound => "Check the path: nothing is there",
            io::ErrorKind::PermissionDenied => "Check who owns it and its permissions",
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "Free some space and try again",
            io::ErrorKind::IsADirectory => "Give the path of a file, not of a directory",
            io::ErrorKind::OutOfMemory => "It does not fit into the memory of this machine",
            _ => "Check the disk and the path, then try again",
        };
        DataError::Io { path: path.to_owned(), action, source, remedy: remedy.to_owned() }
    }

    /// A [`DataError::Malformed`] from anything that can be text.
    pub(crate) fn malformed(
        file: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (file, expected, found, remedy) = (file.into(), expected.into(), found.into(), remedy.into());
        DataError::Malformed { file, expected, found, remedy }
    }

    /// A [`DataError::Request`] from anything that can be text.
    pub(crate) fn request(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        DataError::Request { problem: problem.into(), remedy: remedy.into() }
    }
}
