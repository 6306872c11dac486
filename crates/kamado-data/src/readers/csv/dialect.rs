//! What the delimiter, the quote and the header of a file are, from its beginning.

use std::collections::{HashMap, HashSet};

use super::records::{Cell, Dialect, Step, record};
use crate::error::{DataError, Result};
use crate::readers::missing::Missing;
use crate::readers::{Format, Header, ReadOptions, number};

/// So many records are looked at.
const RECORDS: usize = 256;
/// Delimiters in the order in which they are tried; the first of equally good ones is taken.
const DELIMITERS: [u8; 5] = [b',', b'\t', b';', b'|', b' '];

/// The fields of the first records; `whole` says that nothing follows the sample. Lines that are empty or comments are
/// left out, and records whose quote is not closed.
pub(super) fn first_records(sample: &[u8], dialect: Dialect, whole: bool) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut place, mut cells) = (0, Vec::new());
    while place < sample.len() && rows.len() < RECORDS {
        let next = match record(sample, place, dialect, whole, &mut cells) {
            Step::Record(next) => next,
            Step::Unclosed(next) => {
                place = next;
                continue;
            }
            Step::Incomplete => break,
        };
        let first = sample.get(place).copied();
        if !is_blank(&sample[place..next]) && (first != dialect.comment || first.is_none()) {
            rows.push(cells.iter().map(|cell| content(sample, cell, dialect)).collect());
        }
        place = next;
    }
    rows
}

/// The text of a field.
pub(super) fn content(bytes: &[u8], cell: &Cell, dialect: Dialect) -> String {
    let text = String::from_utf8_lossy(&bytes[cell.range.clone()]);
    match dialect.quote.map(char::from) {
        Some(quote) if cell.doubled => text.replace(&format!("{quote}{quote}"), &quote.to_string()),
        _ => text.into_owned(),
    }
}

/// Whether a line holds nothing.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.len() <= 2 && line.iter().all(|byte| matches!(byte, b'\n' | b'\r'))
}

/// The dialect that the options state, or with which the records of the sample agree best in their number of fields.
pub(super) fn dialect(sample: &[u8], whole: bool, format: Format, options: &ReadOptions) -> Result<Dialect> {
    let comment = options.comment.map(|comment| one_byte(comment, "comment")).transpose()?;
    let quote = match options.quote.as_deref().map(|quote| (quote, quote.chars().next())) {
        None => Some(b'"'),
        Some((_, None)) => None,
        Some((quote, Some(first))) if quote.len() == 1 => Some(one_byte(first, "quote")?),
        Some((quote, _)) => {
            let problem = format!("data.quote = {quote:?} is more than one ASCII character");
            return Err(DataError::request(problem, "Set it to one, or to \"\" if quotes are ordinary characters"));
        }
    };
    let delimiters = match (options.delimiter, format) {
        (Some(delimiter), _) => vec![one_byte(delimiter, "delimiter")?],
        (None, Format::Tsv) => vec![b'\t'],
        (None, _) => DELIMITERS.to_vec(),
    };
    let scored = delimiters.iter().map(|&delimiter| {
        let dialect = Dialect { delimiter, quote, comment };
        (agreement(&first_records(sample, dialect, whole)), dialect)
    });
    // Words of prose are no fields: spaces must agree in every line.
    let sound = scored.filter(|((share, _), dialect)| *share > if dialect.delimiter == b' ' { 999 } else { 0 });
    let best = sound.reduce(|best, next| if next.0 > best.0 { next } else { best });
    let mut dialect = best.map_or(Dialect { delimiter: delimiters[0], quote, comment }, |(_, dialect)| dialect);
    if options.quote.is_none() && quotes_are_ordinary(sample, whole, dialect) {
        dialect.quote = None;
    }
    Ok(dialect)
}

fn one_byte(letter: char, what: &str) -> Result<u8> {
    let sound = letter.is_ascii() && !matches!(letter, '\n' | '\r' | '\0');
    u8::try_from(letter).ok().filter(|_| sound).ok_or_else(|| {
        DataError::request(format!("data.{what} = {letter:?} is not one ASCII character"), "Choose one such as \",\"")
    })
}

/// How many records in a thousand have the number of fields that most have, and that number; none if it is one field.
pub(super) fn agreement(rows: &[Vec<String>]) -> (usize, usize) {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    rows.iter().for_each(|row| *counts.entry(row.len()).or_default() += 1);
    let most = counts.into_iter().max_by_key(|&(fields, count)| (count, fields));
    most.filter(|&(fields, _)| fields > 1).map_or((0, 1), |(fields, count)| (count * 1000 / rows.len(), fields))
}

/// Whether quotes make no sense where, without them, every line has the same number of fields: some field begins with a
/// quote that is closed on another line or never, as in messages with inches or speech in them.
fn quotes_are_ordinary(sample: &[u8], whole: bool, dialect: Dialect) -> bool {
    let Some(quote) = dialect.quote.filter(|&quote| memchr::memchr(quote, sample).is_some()) else {
        return false;
    };
    let plain = Dialect { quote: None, ..dialect };
    let end = memchr::memrchr(b'\n', sample).map_or(0, |end| end + 1);
    let lines = sample[..if whole { sample.len() } else { end }].split(|&byte| byte == b'\n');
    let lines =
        lines.filter(|line| !is_blank(line) && (dialect.comment.is_none() || line.first().copied() != dialect.comment));
    let mut cells = Vec::new();
    let (mut fields, mut crossing) = (None, false);
    for line in lines {
        record(line, 0, plain, true, &mut cells);
        if cells.len() < 2 || *fields.get_or_insert(cells.len()) != cells.len() {
            return false;
        }
        crossing |= memchr::memchr(quote, line).is_some()
            && (matches!(record(line, 0, dialect, true, &mut cells), Step::Unclosed(_)));
    }
    crossing
}

/// Whether the first record holds names: if the options do not say, it does if it has a text where only numbers follow, or if
/// each of its fields is a short text of its own that does not come again below.
pub(super) fn has_header(rows: &[Vec<String>], header: Header, missing: &Missing, decimal: u8) -> bool {
    let Some((first, rest)) = rows.split_first() else { return header == Header::Yes };
    if header != Header::Auto {
        return header == Header::Yes;
    }
    let is_number = |text: &str| number::parse(text.as_bytes(), decimal).is_some();
    let names: HashSet<&str> = first.iter().map(String::as_str).collect();
    let sound = |text: &String| !is_number(text) && !missing.is(text.as_bytes()) && text.len() <= 200;
    if names.len() < first.len() || !first.iter().all(sound) {
        return false;
    }
    let below =
        |column: usize| rest.iter().filter_map(move |row| row.get(column)).filter(|text| !missing.is(text.as_bytes()));
    if (0..first.len()).any(|column| below(column).next().is_some() && below(column).all(|text| is_number(text))) {
        return true;
    }
    let short = |text: &String| text.len() <= 40 && text.split_whitespace().count() <= 4;
    first.iter().all(short) && (0..first.len()).all(|column| below(column).all(|text| *text != first[column]))
}

/// Whether a file that may be prose or a table looks like a table.
pub(in crate::readers) fn looks_like_a_table(start: &[u8], cut_off: bool) -> bool {
    let Ok(dialect) = dialect(start, !cut_off, Format::Csv, &ReadOptions::default()) else { return false };
    let (share, fields) = agreement(&first_records(start, dialect, !cut_off));
    let enough = if dialect.delimiter == b'\t' { 2 } else { 3 };
    share == 1000 && fields >= enough && start.contains(&b'\n')
}
