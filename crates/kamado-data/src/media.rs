//! Files that a table points to, on the disk or inside archives.
//!
//! A location is the path of a file (`photos/cat/1.jpg`), or the path of an archive, `!/` and a name inside it
//! (`train.tar.gz!/cat/1.jpg`). Archives are read in place: `.tar` by the offsets of its entries, `.zip` by its
//! directory; a compressed tar is expanded once, in memory if it takes at most 256 MB and otherwise in a temporary file
//! without a name, and from then on every entry is reached directly. A table in Parquet can hold pictures and sounds as
//! values: `part.parquet!/COLUMN/ROW`.

mod archive;
mod embedded;
mod store;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{DataError, Result};

use archive::Archive;
use embedded::Embedded;
pub(crate) use store::{Guard, is_gzip};

/// Archives that are kept open at once, with their directories.
const OPEN_ARCHIVES: usize = 64;

/// What separates the path of an archive from a name inside it.
pub(crate) const INSIDE: &str = "!/";

/// How much a file may take once it is expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaLimits {
    /// The most bytes of one file, or of one entry of an archive, that [`Media::read`] takes into memory.
    pub file_bytes: u64,
    /// The most bytes of all entries of a compressed archive together.
    pub archive_bytes: u64,
    /// The most that compressed bytes may expand, once they take more than 64 MB: pictures and sounds hardly shrink,
    /// tables and texts shrink to a tenth or so, and only a bomb shrinks to less than a part in 200.
    pub expansion: u64,
}

impl Default for MediaLimits {
    /// 1 GiB a file, 256 GiB an archive, an expansion of 200 times.
    fn default() -> Self {
        MediaLimits { file_bytes: 1 << 30, archive_bytes: 256 << 30, expansion: 200 }
    }
}

/// A file that holds files.
#[derive(Debug)]
enum Opened {
    Archive(Archive),
    Table(Embedded),
}

/// Opens locations. It may be used by many threads at once; archives stay open from one use to the next.
#[derive(Debug, Default)]
pub struct Media {
    limits: MediaLimits,
    /// The latest used at the back.
    archives: Mutex<VecDeque<(PathBuf, Arc<Opened>)>>,
}

impl Media {
    /// With the default limits.
    pub fn new() -> Self {
        Media::default()
    }

    /// With limits of one's own.
    pub fn with_limits(limits: MediaLimits) -> Self {
        Media { limits, ..Media::default() }
    }

    /// The bytes at a location.
    ///
    /// # Errors
    /// If nothing is there, it cannot be read or is damaged, or it takes more than the limit.
    pub fn read(&self, location: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_into(location, &mut bytes)?;
        Ok(bytes)
    }

    /// The bytes at a location, in place of what `bytes` held, so that one piece of memory serves many reads.
    ///
    /// # Errors
    /// As [`Media::read`].
    pub fn read_into(&self, location: &str, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        let limit = self.limits.file_bytes;
        let stream = self.stream(location)?;
        // A growing read, so that memory follows what is there and not what a header promises.
        stream.take(limit.saturating_add(1)).read_to_end(bytes).map_err(|error| unreadable(location, &error))?;
        if bytes.len() as u64 > limit {
            return Err(too_large(location, limit));
        }
        Ok(())
    }

    /// A stream of the bytes at a location; what is compressed with gzip (and is no archive) is expanded on the way.
    ///
    /// # Errors
    /// As [`Media::read`], but for the size. Reading on may fail where the file is damaged or is a bomb.
    pub fn open(&self, location: &str) -> Result<Box<dyn Read + Send>> {
        let mut stream = BufReader::with_capacity(1 << 16, self.stream(location)?);
        if is_gzip(io::BufRead::fill_buf(&mut stream).map_err(|error| unreadable(location, &error))?) {
            return Ok(Box::new(Guard::gunzip(stream, &self.limits)));
        }
        Ok(Box::new(stream))
    }

    /// The names of the files in an archive, sorted; hidden ones (`.name`, `__MACOSX`) are passed over.
    ///
    /// # Errors
    /// If it cannot be opened, is damaged, or holds names that lead out of it.
    pub fn names(&self, archive: &str) -> Result<Vec<String>> {
        match &*self.archive(Path::new(archive))? {
            Opened::Archive(archive) => Ok(archive.names()),
            Opened::Table(_) => {
                let remedy = "Read the table, and then what its columns point to";
                Err(DataError::malformed(archive, "an archive", "a table in Parquet", remedy))
            }
        }
    }

    /// A file with the bytes at a location, for readers that jump about: the file itself, or a temporary one without a name.
    pub(crate) fn file(&self, location: &str) -> Result<File> {
        let path = Path::new(location);
        if path.is_file() {
            return File::open(path).map_err(|error| DataError::io(path, "open it", error));
        }
        let failed = |error: io::Error| unreadable(location, &error);
        let mut stream = self.open(location)?;
        let mut file = tempfile::tempfile().map_err(failed)?;
        io::copy(&mut stream, &mut file).map_err(failed)?;
        io::Seek::rewind(&mut file).map_err(failed)?;
        Ok(file)
    }

    fn stream(&self, location: &str) -> Result<Box<dyn Read + Send>> {
        if let Some((archive, name)) = split_location(location) {
            return match &*self.archive(Path::new(archive))? {
                Opened::Archive(archive) => archive.entry(location, name, &self.limits),
                Opened::Table(table) => Ok(Box::new(io::Cursor::new(table.read(location, name)?))),
            };
        }
        let path = Path::new(location);
        let file = File::open(path).map_err(|error| DataError::io(path, "open it", error))?;
        let metadata = file.metadata().map_err(|error| DataError::io(path, "look at it", error))?;
        // A pipe or a device may have no end, or never begin.
        if !metadata.is_file() {
            let found = if metadata.is_dir() { "a directory" } else { "a device or pipe" };
            return Err(DataError::malformed(location, "a file", found, "Give the path of the file itself"));
        }
        Ok(Box::new(file))
    }

    fn archive(&self, path: &Path) -> Result<Arc<Opened>> {
        // Held while an archive is opened: whoever else wants it must wait for it anyway.
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        let known = archives.iter().position(|(known, _)| known == path);
        let entry = match known.and_then(|place| archives.remove(place)) {
            Some(entry) => entry,
            None if is_table(path) => (path.to_owned(), Arc::new(Opened::Table(Embedded::open(path)?))),
            None => (path.to_owned(), Arc::new(Opened::Archive(Archive::open(path, &self.limits)?))),
        };
        let archive = Arc::clone(&entry.1);
        archives.push_back(entry);
        if archives.len() > OPEN_ARCHIVES {
            archives.pop_front();
        }
        Ok(archive)
    }
}

/// The path of the archive and the name inside it, if the location lies in one.
pub(crate) fn split_location(location: &str) -> Option<(&str, &str)> {
    location.match_indices(INSIDE).find_map(|(place, _)| {
        let (archive, name) = (&location[..place], &location[place + INSIDE.len()..]);
        (is_archive(archive) || is_table(Path::new(archive))).then_some((archive, name))
    })
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"))
}

/// Whether a name ends as those of archives do.
pub(crate) fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".tar", ".tar.gz", ".tgz", ".zip"].iter().any(|ending| name.ends_with(ending))
}

/// The location of `name`, which stands in the file at `location`: beside it, or inside the same archive.
pub(crate) fn beside(location: &str, name: &str) -> String {
    let folder = |path: &str| path.rfind('/').map_or(String::new(), |end| path[..=end].to_owned());
    match split_location(location) {
        Some((archive, inside)) => format!("{archive}{INSIDE}{}{}", folder(inside), name.trim_start_matches("./")),
        None => Path::new(location).parent().unwrap_or(Path::new("")).join(name).to_string_lossy().into_owned(),
    }
}

fn too_large(location: &str, limit: u64) -> DataError {
    let remedy = "If it is meant to be so large, cut it into smaller files";
    DataError::malformed(location, format!("at most {limit} bytes"), "more", remedy)
}

pub(crate) fn unreadable(location: &str, error: &io::Error) -> DataError {
    DataError::malformed(location, "a readable file", error.to_string(), "It may be damaged or cut off: copy it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_split_at_the_archive() {
        assert_eq!(split_location("a/b.tar.gz!/x!/1.png"), Some(("a/b.tar.gz", "x!/1.png")));
        assert_eq!(split_location("wow!/a.ZIP!/1.png"), Some(("wow!/a.ZIP", "1.png")));
        assert_eq!(split_location("wow!/1.png"), None);
    }

    #[test]
    fn a_name_in_a_file_stands_beside_it() {
        assert_eq!(beside("data/list.csv", "a/1.png"), "data/a/1.png");
        assert_eq!(beside("list.csv", "/a/1.png"), "/a/1.png");
        assert_eq!(beside("x.zip!/in/list.csv", "./1.png"), "x.zip!/in/1.png");
    }
}
