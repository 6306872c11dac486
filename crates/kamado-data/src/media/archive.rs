//! Archives in which every file can be reached directly.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use zip::ZipArchive;
use zip::result::ZipError;

use super::store::{Guard, Store, Window, check_expansion, is_gzip};
use super::{INSIDE, MediaLimits, unreadable};
use crate::error::{DataError, Result};

/// What is behind the name of a file in an archive.
#[derive(Clone, Copy, Debug)]
enum Entry {
    /// The bytes as they are.
    Plain { start: u64, len: u64 },
    /// The entry of a zip with this number.
    Zipped(usize),
}

#[derive(Debug)]
pub(super) struct Archive {
    store: Arc<Store>,
    zip: Option<ZipArchive<Window>>,
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    pub(super) fn open(path: &Path, limits: &MediaLimits) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| DataError::io(path, "open it", error))?;
        let metadata = file.metadata().map_err(|error| DataError::io(path, "look at it", error))?;
        if !metadata.is_file() {
            let found = "a directory, device or pipe";
            return Err(DataError::malformed(name, "an archive", found, "Give the path of the archive itself"));
        }
        let whole = Window::new(&Arc::new(Store::File(file)), 0, metadata.len());
        let mut start = [0; 4];
        let len = read_start(&mut whole.clone(), &mut start).map_err(|error| unreadable(&name, &error))?;
        if start[..len].starts_with(b"PK") {
            return Archive::of_zip(whole, metadata.len(), &name, limits);
        }
        if !is_gzip(&start[..len]) {
            return Archive::of_tar(whole, &name);
        }
        let expanded = Store::gather(Guard::gunzip(whole, limits)).map_err(|error| unreadable(&name, &error))?;
        let len = expanded.len().map_err(|error| unreadable(&name, &error))?;
        Archive::of_tar(Window::new(&Arc::new(expanded), 0, len), &name)
    }

    fn of_tar(whole: Window, name: &str) -> Result<Self> {
        let mut entries = BTreeMap::new();
        let mut tar = tar::Archive::new(BufReader::new(whole.clone()));
        let damaged = |error: io::Error| damaged(name, "a tar archive", &error.to_string());
        for entry in tar.entries_with_seek().map_err(damaged)? {
            let entry = entry.map_err(damaged)?;
            // Links and devices hold nothing of their own.
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let (start, len) = (entry.raw_file_position(), entry.size());
            if start.checked_add(len).is_none_or(|end| end > whole.len()) {
                return Err(self::damaged(name, "a whole tar archive", "one that was cut off"));
            }
            entries.insert(safe_name(name, &entry.path_bytes())?, Entry::Plain { start, len });
        }
        if entries.is_empty() {
            return Err(self::damaged(name, "a tar archive with files", "none in it"));
        }
        Ok(Archive { store: Arc::clone(whole.store()), zip: None, entries })
    }

    fn of_zip(whole: Window, len: u64, name: &str, limits: &MediaLimits) -> Result<Self> {
        let damaged = |error: ZipError| damaged(name, "a zip archive", &error.to_string());
        let mut zip = ZipArchive::new(whole.clone()).map_err(damaged)?;
        let mut entries = BTreeMap::new();
        let mut expanded = 0u64;
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(damaged)?;
            expanded = expanded.saturating_add(entry.size());
            if entry.is_file() {
                entries.insert(safe_name(name, entry.name_raw())?, Entry::Zipped(index));
            }
        }
        check_expansion(len, expanded, limits).map_err(|error| unreadable(name, &error))?;
        if entries.is_empty() {
            return Err(self::damaged(name, "a zip archive with files", "none in it"));
        }
        Ok(Archive { store: Arc::clone(whole.store()), zip: Some(zip), entries })
    }

    pub(super) fn names(&self) -> Vec<String> {
        let hidden = |name: &str| name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
        self.entries.keys().filter(|name| !hidden(name)).cloned().collect()
    }

    pub(super) fn entry(&self, location: &str, name: &str, limits: &MediaLimits) -> Result<Box<dyn Read + Send>> {
        let entry = self.entries.get(name).ok_or_else(|| {
            let first = self.entries.keys().next().map_or("", String::as_str);
            let archive = location.strip_suffix(name).and_then(|rest| rest.strip_suffix(INSIDE)).unwrap_or(location);
            let found = format!("no file of that name (the first one in it is {first:?})");
            DataError::malformed(archive, format!("{name:?} inside"), found, "Check the name and the archive")
        })?;
        let (index, zip) = match (*entry, &self.zip) {
            (Entry::Zipped(index), Some(zip)) => (index, zip),
            (Entry::Plain { start, len }, _) => return Ok(Box::new(Window::new(&self.store, start, len))),
            (Entry::Zipped(_), None) => return Err(damaged(location, "a zip archive", "something else")),
        };
        let failed = |error: ZipError| damaged(location, "a readable entry of a zip archive", &error.to_string());
        // The clone shares the directory and has a place of its own in the file.
        let mut zip = zip.clone();
        let entry = zip.by_index(index).map_err(failed)?;
        let most = entry.compressed_size().saturating_mul(limits.expansion).max(64 << 20).min(limits.archive_bytes);
        let store = Store::gather(entry.take(most.saturating_add(1))).map_err(|error| unreadable(location, &error))?;
        let len = store.len().map_err(|error| unreadable(location, &error))?;
        if len > most {
            let remedy = "It is a decompression bomb, or damaged: do not use it";
            return Err(DataError::malformed(location, format!("at most {most} bytes"), "more", remedy));
        }
        Ok(Box::new(Window::new(&Arc::new(store), 0, len)))
    }
}

/// As much of the beginning as there is.
fn read_start(stream: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match stream.read(&mut out[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// The name of an entry, if it stays inside the archive.
fn safe_name(archive: &str, name: &[u8]) -> Result<String> {
    let refused = |found: String| {
        let remedy = "Someone may have made it to overwrite files. If you trust it, unpack it and pack it again";
        Err(DataError::malformed(archive, "names that stay inside the archive", found, remedy))
    };
    let Ok(name) = std::str::from_utf8(name) else {
        let found = String::from_utf8_lossy(name).into_owned();
        let remedy = "Unpack it, rename the file and pack it again";
        return Err(DataError::malformed(archive, "names in Unicode", found, remedy));
    };
    // Zip files of Windows tools.
    let name = name.replace('\\', "/");
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let drive = parts.first().is_some_and(|part| part.as_bytes().get(1) == Some(&b':'));
    if name.starts_with('/') || drive || parts.contains(&"..") || parts.is_empty() || name.contains('\0') {
        return refused(format!("{name:?}"));
    }
    Ok(parts.join("/"))
}

fn damaged(name: &str, expected: &str, found: &str) -> DataError {
    DataError::malformed(name, expected, found, "It may be damaged or cut off: fetch or copy it again")
}
