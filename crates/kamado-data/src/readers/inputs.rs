//! Which files a request means, and what format each has.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use glob::{MatchOptions, Pattern};

use super::{Format, Log, ReadOptions};
use crate::error::{DataError, Result};
use crate::media::{INSIDE, Media, is_archive, split_location, unreadable};

/// Folders within folders that are looked into; a link to a folder above would go on for ever.
const DEEPEST: usize = 64;
/// How much of a file is looked at to know its format.
const LOOK: u64 = 1 << 12;

const ENDINGS: [(Format, &[&str]); 10] = [
    (Format::Csv, &["csv"]),
    (Format::Tsv, &["tsv", "tab"]),
    (Format::Json, &["jsonl", "ndjson", "json"]),
    (Format::Parquet, &["parquet", "pq"]),
    (Format::Arrow, &["arrow", "feather", "ipc", "arrows"]),
    (Format::Npy, &["npy"]),
    (Format::Npz, &["npz"]),
    (Format::Text, &["txt", "text", "md"]),
    (Format::Image, &["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff"]),
    (Format::Audio, &["wav", "flac"]),
];

/// A file to be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub(super) location: String,
    /// Its path below the folder or archive that was asked for.
    pub(super) relative: String,
    pub(super) format: Format,
}

/// The format that the ending of a name says; `.gz` is passed over.
pub(super) fn format_of(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let (stem, ending) = name.rsplit_once('.')?;
    let known = ENDINGS.iter().find(|(_, endings)| endings.contains(&ending));
    known.filter(|_| !stem.is_empty()).map(|&(format, _)| format)
}

/// All files that are meant, in the order of the request and within it by name; at least one, all of one format.
pub(super) fn discover(options: &ReadOptions, media: &Media, log: &mut Log) -> Result<Vec<Input>> {
    if options.paths.is_empty() {
        return Err(DataError::request("no path is given to read from", "Set data.path to a file, folder or archive"));
    }
    let mut inputs = Vec::new();
    for path in &options.paths {
        inputs.extend(of_path(path, options.format, media, log)?);
    }
    let same = |a: Format, b: Format| a == b || a.min(b) == Format::Csv && a.max(b) == Format::Tsv;
    if let Some(odd) = inputs.iter().find(|input| !same(input.format, inputs[0].format)) {
        let expected = format!("the format of {} ({:?})", inputs[0].location, inputs[0].format);
        let remedy = "Read files of one format at a time, or set data.format";
        return Err(DataError::malformed(&odd.location, expected, format!("{:?}", odd.format), remedy));
    }
    Ok(inputs)
}

fn of_path(path: &str, format: Option<Format>, media: &Media, log: &mut Log) -> Result<Vec<Input>> {
    let on_disk = Path::new(path);
    if on_disk.is_dir() {
        let mut names = Vec::new();
        walk(on_disk, "", 0, &mut names)?;
        let at = |name: String| (on_disk.join(&name).to_string_lossy().into_owned(), name);
        return chosen(path, names.into_iter().map(at).collect(), format, media, log);
    }
    if is_archive(path) && on_disk.is_file() {
        let at = |name: String| (format!("{path}{INSIDE}{name}"), name);
        return chosen(path, media.names(path)?.into_iter().map(at).collect(), format, media, log);
    }
    if on_disk.is_file() {
        return Ok(vec![single(path, format, media)?]);
    }
    if let Some((archive, wanted)) = split_location(path) {
        return in_archive(path, archive, wanted, format, media, log);
    }
    if is_pattern(path) {
        return chosen(path, expand(path)?, format, media, log);
    }
    Err(DataError::io(on_disk, "open it", fs::metadata(on_disk).err().unwrap_or(std::io::ErrorKind::NotFound.into())))
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The files on the disk that a pattern fits.
fn expand(pattern: &str) -> Result<Vec<(String, String)>> {
    let paths = glob::glob(pattern).map_err(|error| wrong_pattern(pattern, &error.to_string()))?;
    let root = pattern.find(['*', '?', '[']).and_then(|first| pattern[..first].rfind('/')).map_or(0, |slash| slash + 1);
    let mut files = Vec::new();
    for path in paths {
        let path =
            path.map_err(|error| DataError::io(error.path(), "look at it", std::io::Error::other(error.to_string())))?;
        if path.is_file() {
            let location = path.to_string_lossy().into_owned();
            let relative = location.get(root..).unwrap_or(&location).to_owned();
            files.push((location, relative));
        }
    }
    Ok(files)
}

/// One file, a folder, or what fits a pattern, inside an archive.
fn in_archive(
    path: &str,
    archive: &str,
    wanted: &str,
    format: Option<Format>,
    media: &Media,
    log: &mut Log,
) -> Result<Vec<Input>> {
    let names = media.names(archive)?;
    if names.iter().any(|name| name == wanted) {
        return Ok(vec![single(path, format, media)?]);
    }
    let folder = format!("{}/", wanted.trim_end_matches('/'));
    let pattern = Pattern::new(wanted).map_err(|error| wrong_pattern(path, &error.to_string()))?;
    let strict = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let files = names.into_iter().filter_map(|name| {
        let relative = match name.strip_prefix(&folder) {
            Some(rest) => rest.to_owned(),
            None if pattern.matches_with(&name, strict) => name.clone(),
            None => return None,
        };
        Some((format!("{archive}{INSIDE}{name}"), relative))
    });
    chosen(path, files.collect(), format, media, log)
}

fn wrong_pattern(pattern: &str, problem: &str) -> DataError {
    let remedy =
        "`*` stands for any characters, `**` for any folders, `?` for one character, `[a-z]` for one of several";
    DataError::request(format!("{pattern:?} is no pattern: {problem}"), remedy)
}

/// A file that was asked for by its own name.
fn single(location: &str, format: Option<Format>, media: &Media) -> Result<Input> {
    let format = match format.or_else(|| format_of(location)) {
        Some(format) if format != Format::Text => format,
        by_name => by_content(location, by_name, media)?,
    };
    let relative = location.rsplit('/').next().unwrap_or(location).to_owned();
    Ok(Input { location: location.to_owned(), relative, format })
}

/// Of the files in a folder or archive those of the wanted format, or of the format that most of them have.
fn chosen(
    source: &str,
    files: Vec<(String, String)>,
    wanted: Option<Format>,
    media: &Media,
    log: &mut Log,
) -> Result<Vec<Input>> {
    let mut by_format: BTreeMap<Format, Vec<(String, String)>> = BTreeMap::new();
    let mut others = Vec::new();
    for file in files {
        match format_of(&file.1) {
            Some(Format::Tsv) => by_format.entry(Format::Csv).or_default().push(file),
            Some(format) => by_format.entry(format).or_default().push(file),
            None => others.push(file),
        }
    }
    // Notes and licences lie beside data more often than the other way round.
    let rank = |format: Format, count: usize| (format != Format::Text, count);
    let most = by_format.iter().max_by_key(|(format, files)| rank(**format, files.len())).map(|(&format, _)| format);
    let wanted = wanted.map(|format| if format == Format::Tsv { Format::Csv } else { format });
    let Some((format, files)) = wanted.or(most).and_then(|format| Some((format, by_format.remove(&format)?))) else {
        // Files without endings, such as `data/part-00000`.
        if !others.is_empty() && by_format.is_empty() {
            let format = wanted.map_or_else(|| by_content(&others[0].0, None, media), Ok)?;
            return Ok(inputs(others, format));
        }
        let found = format!("{} files, none of them", others.len() + by_format.values().map(Vec::len).sum::<usize>());
        let remedy = "Give the folder or file that holds the data, and data.format if their names do not tell it";
        let expected = wanted.map_or("files of a known format".to_owned(), |format| format!("{format:?} files"));
        return Err(DataError::malformed(source, expected, found, remedy));
    };
    others.extend(by_format.into_values().flatten());
    if let Some((_, first)) = others.first() {
        let count = others.len();
        log.notes.push(format!("{source}: {count} other files are passed over, such as {first:?}"));
    }
    Ok(inputs(files, format))
}

fn inputs(files: Vec<(String, String)>, format: Format) -> Vec<Input> {
    files.into_iter().map(|(location, relative)| Input { location, relative, format }).collect()
}

/// The files below a folder, by name; hidden ones are passed over.
fn walk(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) -> Result<()> {
    let failed = |error| DataError::io(folder, "list it", error);
    if depth > DEEPEST {
        let remedy = "Perhaps a link in it leads back to a folder above";
        let expected = format!("at most {DEEPEST} folders within each other");
        return Err(DataError::malformed(folder.display().to_string(), expected, "more", remedy));
    }
    let mut entries = fs::read_dir(folder).map_err(failed)?.collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().into_string().map_err(|name| {
            let found = name.to_string_lossy().into_owned();
            DataError::malformed(folder.display().to_string(), "names in Unicode", found, "Rename the file")
        })?;
        let path = entry.path();
        match name.starts_with('.') {
            true => {}
            false if path.is_dir() => walk(&path, &format!("{prefix}{name}/"), depth + 1, names)?,
            false => names.push(format!("{prefix}{name}")),
        }
    }
    Ok(())
}

/// The format that the first bytes of a file say. `named` is [`Format::Text`] for a file that may be prose or a table.
fn by_content(location: &str, named: Option<Format>, media: &Media) -> Result<Format> {
    let mut start = Vec::new();
    let stream = media.open(location)?;
    stream.take(LOOK).read_to_end(&mut start).map_err(|error| unreadable(location, &error))?;
    let magic: [(&[u8], Format); 14] = [
        (b"PAR1", Format::Parquet),
        (b"ARROW1", Format::Arrow),
        (b"\xFF\xFF\xFF\xFF", Format::Arrow),
        (b"\x93NUMPY", Format::Npy),
        (b"PK\x03\x04", Format::Npz),
        (b"\x89PNG", Format::Image),
        (b"\xFF\xD8\xFF", Format::Image),
        (b"GIF8", Format::Image),
        (b"BM", Format::Image),
        (b"II*\0", Format::Image),
        (b"MM\0*", Format::Image),
        (b"fLaC", Format::Audio),
        (b"{", Format::Json),
        (b"[{", Format::Json),
    ];
    if let (Some((_, format)), None) = (magic.iter().find(|(magic, _)| start.starts_with(magic)), named) {
        return Ok(*format);
    }
    if start.starts_with(b"RIFF") {
        return Ok(if start.get(8..12) == Some(b"WEBP") { Format::Image } else { Format::Audio });
    }
    Ok(if super::csv::looks_like_a_table(&start, start.len() as u64 == LOOK) { Format::Csv } else { Format::Text })
}
