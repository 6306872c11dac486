//! From files of any known kind to a [`Frame`].
//!
//! [`read`] takes files, folders, archives (read in place) and patterns such as `logs/*.csv`. The format of a file is
//! known by its ending, otherwise by its first bytes. Files of tables must have the same columns and become one table;
//! pictures and sounds become a table of their locations. What the columns hold is inferred from all rows:
//!
//! 1. number, if all values are finite numbers;
//! 2. image or audio, if all values end as such files do (`.png`, `.wav`, …): locations beside the file they stand in;
//! 3. date, if all values are dates of the forms that `2026-11-24`, `24.11.2026`, `11/24/2026`, `24 Nov 2026` and
//!    `2026-11-24T16:00:00Z` stand for;
//! 4. category, if the values are short (at most 64 bytes on average) and repeat: at most 20 different ones, or at most
//!    1,000 that occur 20 times each on average;
//! 5. text otherwise.
//!
//! For rules 1 to 3, "all" means at least 99 % of the values that are not missing: a row with one of the others goes to
//! the quarantine with the reason. So do rows with too many or too few fields, with bytes that are no text, and rows that
//! cannot be parsed. Nothing is dropped in silence; [`Read::notes`] tells what was decided.

mod columnar;
mod csv;
mod dates;
mod encoding;
mod infer;
mod inputs;
mod json;
mod lines;
mod media_table;
mod missing;
mod number;
mod numpy;
mod pattern;
mod raw;
mod schema;
mod shards;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clean::BadRow;
use crate::error::{DataError, Result};
use crate::frame::{Frame, Kind};
use crate::media::Media;

pub(crate) use columnar::guarded;
pub use schema::{ColumnSchema, Schema};
pub use shards::{ParquetShards, write_parquet_shards};

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines of fields with a delimiter between them: comma, tab, semicolon, bar or space.
    Csv,
    /// Lines of fields with tabs between them.
    Tsv,
    /// A JSON object for each row, one after another or in one array.
    Json,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC: a file (Feather version 2) or a stream.
    Arrow,
    /// A NumPy array; its first axis counts the rows.
    Npy,
    /// Several NumPy arrays, a column each.
    Npz,
    /// Plain text: a row for each line, in the column `text`.
    Text,
    /// A picture: a row for each file.
    Image,
    /// A sound: a row for each file.
    Audio,
}

/// Whether the first row of a CSV file holds the names of the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// It does if it looks unlike the rows below: no numbers where numbers follow, no value that comes again.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not: columns are called `column_1`, `column_2`, …, or as [`ReadOptions::names`] says.
    No,
}

/// What to read, and how. Only `paths` must be given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// Files, folders, archives (`.tar`, `.tar.gz`, `.tgz`, `.zip`), names inside archives (`a.zip!/train.csv`), and
    /// patterns (`logs/2026-*.csv`, `a.zip!/train/**`).
    pub paths: Vec<String>,
    /// The format of the files. Otherwise each file's ending says it, or its first bytes.
    pub format: Option<Format>,
    /// What separates the fields of a CSV file, one ASCII character; otherwise it is found by trying.
    pub delimiter: Option<char>,
    /// What fields of a CSV file may be enclosed in: one ASCII character, or `""` if quotes are ordinary characters.
    /// Otherwise `"`, unless a file makes sense only without it.
    pub quote: Option<String>,
    /// Whether the first row of a CSV file holds names.
    pub header: Header,
    /// The names of the columns, for files without them or in place of theirs.
    pub names: Vec<String>,
    /// The encoding of texts by its name in the WHATWG standard (`gb18030`, `windows-1252`, `utf-16le`, …). Otherwise
    /// UTF-8, or what a byte order mark says.
    pub encoding: Option<String>,
    /// Lines of a CSV file that begin with this ASCII character are passed over.
    pub comment: Option<char>,
    /// The decimal sign of numbers in texts, `.` otherwise.
    pub decimal: Option<char>,
    /// What stands for a missing value. Otherwise: nothing at all, `NA`, `N/A`, `n/a`, `NaN`, `nan`, `null`, `NULL`,
    /// `None`, `?` and `-`.
    pub missing: Option<Vec<String>>,
    /// The kinds of columns for which inference shall not decide.
    pub kinds: BTreeMap<String, Kind>,
    /// Columns from the names of pictures and sounds: `"{label}_{speaker}_{index}.wav"`. Each `{name}` takes the text up
    /// to the first place where what follows it in the pattern occurs. With `/` it covers folders as well.
    pub path_pattern: Option<String>,
    /// How many threads to use; otherwise one for each core. The result does not depend on it.
    pub threads: Option<usize>,
}

impl ReadOptions {
    /// To read these paths, everything else found out.
    pub fn of<S: Into<String>>(paths: impl IntoIterator<Item = S>) -> Self {
        ReadOptions { paths: paths.into_iter().map(Into::into).collect(), ..ReadOptions::default() }
    }

    pub(crate) fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores).clamp(1, 256)
    }
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The rows that can be used.
    pub frame: Frame,
    /// The rows that cannot, with the reason.
    pub quarantine: Vec<BadRow>,
    /// What was decided on the way, for people: the delimiter, the header, files passed over, columns renamed.
    pub notes: Vec<String>,
}

/// What a reader tells besides its rows.
#[derive(Debug, Default)]
struct Log {
    quarantine: Vec<BadRow>,
    notes: Vec<String>,
}

/// Reads files into one table.
///
/// # Errors
/// If nothing is there, files are damaged or differ in their columns, no row is left, or more than half of the rows
/// cannot be used (then it is the options that are wrong).
pub fn read(options: &ReadOptions) -> Result<Read> {
    read_with(options, &Media::new())
}

/// [`read`] through archives that are open already, which saves expanding a `.tar.gz` again.
///
/// # Errors
/// As [`read`].
pub fn read_with(options: &ReadOptions, media: &Media) -> Result<Read> {
    let mut log = Log::default();
    let inputs = inputs::discover(options, media, &mut log)?;
    let table = match inputs[0].format {
        Format::Csv | Format::Tsv => csv::read(&inputs, options, media, &mut log)?,
        Format::Image | Format::Audio => media_table::read(&inputs, options, &mut log)?,
        Format::Json => json::read(&inputs, options, media, &mut log)?,
        Format::Parquet | Format::Arrow => columnar::read(&inputs, media)?,
        Format::Npy | Format::Npz => numpy::read(&inputs, media)?,
        Format::Text => lines::read(&inputs, options, media, &mut log)?,
    };
    let (read, bad) = (table.rows(), log.quarantine.len());
    let frame = infer::frame(table, options, &mut log)?;
    let source = &options.paths.join(", ");
    if frame.rows() == 0 || bad > read || log.quarantine.len() > frame.rows() {
        return Err(too_few(source, &log.quarantine));
    }
    Ok(Read { frame, quarantine: log.quarantine, notes: log.notes })
}

fn too_few(source: &str, bad: &[BadRow]) -> DataError {
    let expected = "a table of which at least half of the rows can be used";
    match bad.first() {
        None => {
            let remedy = "Give a file with rows below its header";
            DataError::malformed(source, "rows", "none", remedy)
        }
        Some(first) => {
            let found = format!("{} that cannot, the first in {}: {}", bad.len(), first.place, first.reason);
            let remedy = "Set data.delimiter, data.quote, data.header, data.encoding or the kinds of the columns";
            DataError::malformed(source, expected, found, remedy)
        }
    }
}
