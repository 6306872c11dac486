//! JSON: an object for each row, one after another (JSON lines) or in one array.
//!
//! A value that is itself an array or an object is kept as its JSON text. A key that a row does not have is a missing value
//! there. A line that is no JSON object is a bad row.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value};

use super::inputs::Input;
use super::missing::Missing;
use super::raw::{RawColumn, RawTable, Values, shorten};
use super::{Log, ReadOptions, encoding};
use crate::clean::BadRow;
use crate::error::{DataError, Result};
use crate::media::{Media, unreadable};

/// A line may take so many bytes.
const LONGEST_LINE: u64 = 16 << 20;
/// An array is read as a whole; so many bytes are the most.
const LONGEST_ARRAY: u64 = 1 << 30;
/// A table has at most so many columns, and so many cells for each key that only some rows have.
const MOST_COLUMNS: usize = 10_000;

/// The columns that grow row by row.
#[derive(Default)]
struct Columns {
    places: HashMap<String, usize>,
    columns: Vec<(String, Vec<Option<Cell>>)>,
    rows: usize,
}

#[derive(Debug)]
enum Cell {
    Number(f64),
    Text(String),
}

pub(super) fn read(inputs: &[Input], options: &ReadOptions, media: &Media, log: &mut Log) -> Result<RawTable> {
    let missing = Missing::new(options.missing.as_deref());
    let mut columns = Columns::default();
    let mut places = Vec::new();
    for (file, input) in (0u32..).zip(inputs) {
        let location = &input.location;
        let stream = encoding::utf8(media.open(location)?, options.encoding.as_deref(), location)?;
        let mut stream = BufReader::with_capacity(1 << 16, stream);
        let mut take = |row: u64, value: std::result::Result<Value, String>, text: &str| {
            let object = value.and_then(|value| match value {
                Value::Object(object) => Ok(object),
                other => Err(format!("expected an object, found {}", shorten(&other.to_string()))),
            });
            match object.and_then(|object| columns.push(object, &missing)) {
                Ok(()) => places.push((file, row)),
                Err(reason) => {
                    log.quarantine.push(BadRow {
                        place: format!("{location}, row {row}"),
                        reason,
                        text: shorten(text),
                    });
                }
            }
        };
        let first = skip_space(&mut stream).map_err(|error| unreadable(location, &error))?;
        match first {
            Some(b'[') => array(stream, location)?.into_iter().zip(1..).for_each(|(value, row)| {
                let text = value.to_string();
                take(row, Ok(value), &text);
            }),
            Some(_) => lines(stream, location, &mut take)?,
            None => {
                let remedy = "Check that it was written or copied completely";
                return Err(DataError::malformed(location, "JSON objects", "an empty file", remedy));
            }
        }
    }
    let columns = columns.finish();
    if columns.is_empty() {
        let found = log.quarantine.first().map_or("none".into(), |bad| format!("none: {}, {}", bad.place, bad.reason));
        let remedy = "Write an object such as {\"age\": 30} on each line";
        return Err(DataError::malformed(&inputs[0].location, "JSON objects with keys", found, remedy));
    }
    Ok(RawTable { columns, files: inputs.iter().map(|input| input.location.clone()).collect(), places })
}

/// The first byte that is no space, left in the stream.
fn skip_space(stream: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    loop {
        let start = stream.fill_buf()?;
        let (len, first) = (start.len(), start.iter().position(|byte| !byte.is_ascii_whitespace()));
        match first {
            _ if len == 0 => return Ok(None),
            // Line numbers count from the first line that is not empty.
            Some(place) => {
                let byte = start[place];
                stream.consume(place);
                return Ok(Some(byte));
            }
            None => stream.consume(len),
        }
    }
}

fn array(stream: impl Read, location: &str) -> Result<Vec<Value>> {
    let remedy = "Write a JSON array of objects, or an object on each line";
    let mut bytes = Vec::new();
    stream.take(LONGEST_ARRAY + 1).read_to_end(&mut bytes).map_err(|error| unreadable(location, &error))?;
    if bytes.len() as u64 > LONGEST_ARRAY {
        let expected = format!("an array of at most {LONGEST_ARRAY} bytes");
        return Err(DataError::malformed(location, expected, "a longer one", "Write an object on each line instead"));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| DataError::malformed(location, "a JSON array", error.to_string(), remedy))
}

fn lines(
    mut stream: impl BufRead,
    location: &str,
    take: &mut impl FnMut(u64, std::result::Result<Value, String>, &str),
) -> Result<()> {
    let mut line = Vec::new();
    for row in 1.. {
        line.clear();
        let failed = |error| unreadable(location, &error);
        let read = stream.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line[..line.len().min(4000)]).trim_end().to_owned();
        if read as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            stream.skip_until(b'\n').map_err(failed)?;
            take(row, Err(format!("it is longer than {LONGEST_LINE} bytes")), &text);
        } else if !line.iter().all(u8::is_ascii_whitespace) {
            take(row, serde_json::from_slice(&line).map_err(|error| format!("it is no JSON: {error}")), &text);
        }
    }
    Ok(())
}

impl Columns {
    fn push(&mut self, object: Map<String, Value>, missing: &Missing) -> std::result::Result<(), String> {
        let new = object.keys().filter(|key| !self.places.contains_key(*key)).count();
        if self.columns.len() + new > MOST_COLUMNS {
            return Err(format!("more than {MOST_COLUMNS} different keys"));
        }
        for (key, value) in object {
            let place = *self.places.entry(key.clone()).or_insert_with(|| {
                self.columns.push((key, Vec::new()));
                self.columns.len() - 1
            });
            let cell = match value {
                Value::Null => None,
                Value::Number(number) => number.as_f64().filter(|number| number.is_finite()).map(Cell::Number),
                Value::String(text) if missing.is(text.trim().as_bytes()) => None,
                Value::String(text) => Some(Cell::Text(text)),
                other => Some(Cell::Text(other.to_string())),
            };
            let cells = &mut self.columns[place].1;
            cells.resize_with(self.rows, || None);
            cells.push(cell);
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(self) -> Vec<RawColumn> {
        let rows = self.rows;
        let column = |(name, mut cells): (String, Vec<Option<Cell>>)| {
            cells.resize_with(rows, || None);
            let numbers = cells.iter().flatten().all(|cell| matches!(cell, Cell::Number(_)));
            let number = |cell: &Option<Cell>| match cell {
                Some(Cell::Number(number)) => Some(*number),
                _ => None,
            };
            let text = |cell: Option<Cell>| {
                cell.map(|cell| match cell {
                    Cell::Number(number) => number.to_string(),
                    Cell::Text(text) => text,
                })
            };
            let values = match numbers {
                true => Values::Numbers(cells.iter().map(number).collect()),
                false => Values::Texts(cells.into_iter().map(text).collect()),
            };
            RawColumn { name, values }
        };
        self.columns.into_iter().map(column).collect()
    }
}
