//! Delimited text: a block at a time, on all threads, so that memory follows the table and not the file.

mod blocks;
mod chunk;
mod dialect;
mod records;

use std::collections::HashSet;
use std::io::Read;

use arrow_array::ArrayRef;

use super::infer::{as_values, decimal, in_parallel, join};
use super::inputs::Input;
use super::missing::Missing;
use super::raw::{RawColumn, RawTable};
use super::{Log, ReadOptions, encoding, number};
use crate::clean::BadRow;
use crate::error::{DataError, Result};
use crate::frame::Kind;
use crate::media::{Media, unreadable};

use blocks::Reading;
use chunk::{Chunk, Keep, NOT_UTF8, Plan};
pub(super) use dialect::looks_like_a_table;
use records::Dialect;

/// So much of a file is looked at before it is read.
const SAMPLE: u64 = 1 << 20;
/// A table has at most so many columns.
const MOST_COLUMNS: usize = 1 << 20;

/// A file, and what its beginning tells.
struct Source<'a> {
    input: &'a Input,
    dialect: Dialect,
    header: bool,
    record_bytes: usize,
}

/// What a pass over all files delivers.
#[derive(Default)]
struct Pass {
    /// For each column its parts.
    columns: Vec<Vec<ArrayRef>>,
    places: Vec<(u32, u64)>,
    bad: Vec<BadRow>,
    failed: HashSet<usize>,
}

/// Reads files of the same columns as one table.
pub(super) fn read(inputs: &[Input], options: &ReadOptions, media: &Media, log: &mut Log) -> Result<RawTable> {
    let missing = Missing::new(options.missing.as_deref());
    let mut plan = Plan { keep: Vec::new(), missing, decimal: decimal(options)? };
    let (mut names, mut sources) = (Vec::new(), Vec::new());
    for input in inputs {
        let (source, rows) = look(input, options, &plan, media, log, sources.first())?;
        let found = columns(&source, &rows, options, log)?;
        if sources.is_empty() {
            plan.keep = keep(&rows[usize::from(source.header)..], &found, options, &plan);
            names = found;
        } else if found != names {
            return Err(other_columns(input, &names, &found));
        }
        sources.push(source);
    }
    let mut pass = pass(&sources, options, media, &plan)?;
    if !pass.failed.is_empty() {
        let again =
            (0..names.len()).map(|index| if pass.failed.contains(&index) { Keep::Texts } else { Keep::Nothing });
        plan.keep = again.collect();
        let second = self::pass(&sources, options, media, &plan)?;
        if second.places != pass.places {
            let remedy = "Wait until whoever writes it has finished";
            return Err(DataError::malformed(&inputs[0].location, "a file that stays the same", "changes", remedy));
        }
        for (index, column) in second.columns.into_iter().enumerate().filter(|(index, _)| pass.failed.contains(index)) {
            pass.columns[index] = column;
        }
    }
    refuse_other_encodings(&pass)?;
    refuse_nothing(&pass, &inputs[0].location)?;
    log.quarantine.extend(pass.bad);
    let parts: Vec<(String, Vec<ArrayRef>)> = names.into_iter().zip(pass.columns).collect();
    let columns = in_parallel(&parts, options.thread_count(), |(name, parts)| {
        let values = as_values(name, join(name, parts)?, None)?;
        Ok(RawColumn { name: name.clone(), values })
    })?;
    Ok(RawTable { columns, files: inputs.iter().map(|input| input.location.clone()).collect(), places: pass.places })
}

/// Finds out the dialect of a file, and whether it has a header; files after the first have one if the first has.
fn look<'a>(
    input: &'a Input,
    options: &ReadOptions,
    plan: &Plan,
    media: &Media,
    log: &mut Log,
    first: Option<&Source<'_>>,
) -> Result<(Source<'a>, Vec<Vec<String>>)> {
    let mut sample = Vec::new();
    let stream = encoding::utf8(media.open(&input.location)?, options.encoding.as_deref(), &input.location)?;
    stream.take(SAMPLE).read_to_end(&mut sample).map_err(|error| unreadable(&input.location, &error))?;
    let whole = (sample.len() as u64) < SAMPLE;
    let refuse = |found: &str, remedy: &str| Err(DataError::malformed(&input.location, "rows of text", found, remedy));
    if sample.iter().all(u8::is_ascii_whitespace) {
        return refuse("an empty file", "Check that it was written or copied completely");
    }
    if !sample.contains(&b'\n') && sample.iter().filter(|&&byte| byte == b'\r').count() > 1 {
        return refuse("lines that end in a carriage return alone", "Convert the ends of its lines to \\n");
    }
    let dialect = dialect::dialect(&sample, whole, input.format, options)?;
    let rows = dialect::first_records(&sample, dialect, whole);
    let header = match first {
        Some(first) => first.header,
        None => dialect::has_header(&rows, options.header, &plan.missing, plan.decimal),
    };
    if first.is_none() {
        let quotes =
            if dialect.quote.is_none() && options.quote.is_none() { ", quotes are ordinary characters" } else { "" };
        let header = if header { "a header" } else { "no header" };
        let delimiter = char::from(dialect.delimiter);
        log.notes.push(format!("{}: {header}, delimiter {delimiter:?}{quotes}", input.location));
    }
    let record_bytes = sample.len() / rows.len().max(1);
    Ok((Source { input, dialect, header, record_bytes }, rows))
}

/// The names of the columns.
fn columns(source: &Source<'_>, rows: &[Vec<String>], options: &ReadOptions, log: &mut Log) -> Result<Vec<String>> {
    let location = &source.input.location;
    let width = match rows.first() {
        Some(first) if source.header => first.len(),
        Some(_) => dialect::agreement(rows).1,
        None => 1,
    };
    let refuse =
        |expected: String, found: String, remedy: &str| Err(DataError::malformed(location, expected, found, remedy));
    if width > MOST_COLUMNS {
        return refuse(format!("at most {MOST_COLUMNS} columns"), format!("{width}"), "Check data.delimiter");
    }
    if !options.names.is_empty() && options.names.len() != width {
        let (expected, found) = (format!("{} columns, as data.names has", options.names.len()), format!("{width}"));
        return refuse(expected, found, "Give a name for each column, or check data.delimiter");
    }
    let mut known: HashSet<String> = HashSet::with_capacity(width);
    let mut names = Vec::with_capacity(width);
    let mut header = rows.first().filter(|_| source.header).into_iter().flatten();
    for index in 0..width {
        let written = header.next().filter(|name| !name.is_empty()).cloned();
        let wanted = options.names.get(index).cloned().or(written).unwrap_or_else(|| format!("column_{}", index + 1));
        let mut name = wanted.clone();
        let mut count = 1;
        while !known.insert(name.clone()) {
            count += 1;
            name = format!("{wanted}_{count}");
        }
        if name != wanted {
            log.notes.push(format!("{location}: another column is called {wanted:?}, so this one is {name:?}"));
        }
        names.push(name);
    }
    Ok(names)
}

/// How to keep each column, by the first rows: as numbers if all are.
fn keep(rows: &[Vec<String>], names: &[String], options: &ReadOptions, plan: &Plan) -> Vec<Keep> {
    let is_number =
        |text: &String| plan.missing.is(text.as_bytes()) || number::parse(text.as_bytes(), plan.decimal).is_some();
    let column = |(index, name): (usize, &String)| match options.kinds.get(name) {
        Some(kind) if *kind != Kind::Number => Keep::Texts,
        _ if rows.iter().filter_map(|row| row.get(index)).all(is_number) => Keep::Numbers,
        _ => Keep::Texts,
    };
    names.iter().enumerate().map(column).collect()
}

fn pass(sources: &[Source<'_>], options: &ReadOptions, media: &Media, plan: &Plan) -> Result<Pass> {
    let mut pass = Pass { columns: vec![Vec::new(); plan.keep.len()], ..Pass::default() };
    for (file, source) in (0u32..).zip(sources) {
        let location = &source.input.location;
        let stream = encoding::utf8(media.open(location)?, options.encoding.as_deref(), location)?;
        let (dialect, header, record_bytes) = (source.dialect, source.header, source.record_bytes);
        let reading = Reading { dialect, header, plan, threads: options.thread_count(), record_bytes };
        let take = |chunk: Chunk| {
            pass.take(chunk, file, location);
            Ok(())
        };
        blocks::read(stream, &reading, take, |error| unreadable(location, error))?;
    }
    Ok(pass)
}

impl Pass {
    fn take(&mut self, chunk: Chunk, file: u32, location: &str) {
        for (column, part) in self.columns.iter_mut().zip(chunk.columns) {
            column.extend(part);
        }
        self.failed.extend(chunk.failed);
        self.places.extend(chunk.lines.into_iter().map(|line| (file, line + 1)));
        let bad = |bad: chunk::Bad| BadRow {
            place: format!("{location}, row {}", bad.line + 1),
            reason: bad.reason,
            text: bad.text,
        };
        self.bad.extend(chunk.bad.into_iter().map(bad));
    }
}

/// Some rows with damaged letters are bad rows; many of them mean another encoding.
fn refuse_other_encodings(pass: &Pass) -> Result<()> {
    let mut damaged = pass.bad.iter().filter(|bad| bad.reason == NOT_UTF8);
    let Some(first) = damaged.next() else { return Ok(()) };
    let count = 1 + damaged.count();
    if count * 100 <= pass.places.len() {
        return Ok(());
    }
    let found = format!("{count} rows that are not, this one first: {:?}", first.text);
    let remedy = "Set data.encoding, such as \"windows-1252\" for western or \"gb18030\" for Chinese texts";
    Err(DataError::malformed(&first.place, "text in UTF-8", found, remedy))
}

fn refuse_nothing(pass: &Pass, location: &str) -> Result<()> {
    match pass.bad.first() {
        _ if !pass.places.is_empty() => Ok(()),
        None => {
            let remedy = "Check that it was written or copied completely";
            Err(DataError::malformed(location, "rows", "a header and nothing below it", remedy))
        }
        Some(bad) => {
            let found = format!("none, the first one in {}: {}", bad.place, bad.reason);
            Err(DataError::malformed(location, "rows that can be used", found, "Check data.delimiter and data.quote"))
        }
    }
}

fn other_columns(input: &Input, expected: &[String], found: &[String]) -> DataError {
    let differs = expected.iter().zip(found).position(|(a, b)| a != b);
    let (expected, found) = match differs {
        Some(index) => (format!("column {} to be {:?}", index + 1, expected[index]), format!("{:?}", found[index])),
        None => (format!("{} columns", expected.len()), found.len().to_string()),
    };
    let expected = format!("{expected}, as in the first file");
    DataError::malformed(&input.location, expected, found, "Read files with other columns by themselves")
}
