//! From the bytes of some records to parts of columns.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float64Builder, LargeStringBuilder};

use super::dialect::is_blank;
use super::records::{Cell, Dialect, LONGEST_RECORD, Piece, Step, lines, record};
use crate::readers::missing::Missing;
use crate::readers::number;
use crate::readers::raw::shorten;

/// What is wrong with records whose bytes are no text.
pub(super) const NOT_UTF8: &str = "it is not text in UTF-8";
/// What is wrong with records that end in a quoted field without end.
pub(super) const UNCLOSED: &str = "a quote is opened and never closed";

/// What is wrong with records that take too much memory.
pub(super) fn too_long() -> String {
    format!("it is longer than {LONGEST_RECORD} bytes")
}

/// How the values of a column are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Numbers,
    Texts,
    Nothing,
}

/// What to make of the records.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) keep: Vec<Keep>,
    pub(super) missing: Missing,
    pub(super) decimal: u8,
}

/// A record that cannot be used.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) line: u64,
    pub(super) reason: String,
    pub(super) text: String,
}

/// Parts of columns.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// For each column that is kept, its values.
    pub(super) columns: Vec<Option<ArrayRef>>,
    /// For each row the line that it begins on, from 0.
    pub(super) lines: Vec<u64>,
    pub(super) bad: Vec<Bad>,
    /// The columns that were to hold numbers and do not.
    pub(super) failed: Vec<usize>,
}

enum Builder {
    Numbers(Float64Builder, bool),
    Texts(LargeStringBuilder),
    Nothing,
}

/// Reads the records of a piece; `header` says that the first one is none.
pub(super) fn parse(block: &[u8], piece: &Piece, dialect: Dialect, plan: &Plan, mut header: bool) -> Chunk {
    let bytes = &block[piece.range.clone()];
    let sound = std::str::from_utf8(bytes).is_ok();
    let mut chunk = Chunk::default();
    let mut cells = Vec::new();
    let (mut place, mut line) = (0, piece.line);
    let mut builders: Vec<Builder> = Vec::new();
    while place < bytes.len() {
        let start = place;
        let step = record(bytes, start, dialect, true, &mut cells);
        let next = match step {
            Step::Record(next) | Step::Unclosed(next) => next,
            Step::Incomplete => bytes.len(),
        };
        let text = &bytes[start..next];
        let here = line;
        line += lines(text);
        place = next;
        if is_blank(text) || dialect.comment.is_some() && text.first().copied() == dialect.comment {
            continue;
        }
        if std::mem::take(&mut header) {
            continue;
        }
        let reason = if text.len() > LONGEST_RECORD {
            too_long()
        } else if matches!(step, Step::Unclosed(_)) {
            UNCLOSED.to_owned()
        } else if !sound && std::str::from_utf8(text).is_err() {
            NOT_UTF8.to_owned()
        } else if cells.len() != plan.keep.len() {
            format!("expected {} fields, found {}", plan.keep.len(), cells.len())
        } else {
            if builders.is_empty() {
                // As many rows as fit if all are as long as the first.
                let rows = bytes.len() / text.len().max(1) + 1;
                builders = plan.keep.iter().map(|keep| Builder::new(*keep, rows)).collect();
            }
            for (cell, builder) in cells.iter().zip(&mut builders) {
                builder.push(bytes, cell, dialect, plan);
            }
            chunk.lines.push(here);
            continue;
        };
        let text = String::from_utf8_lossy(&text[..text.len().min(4000)]);
        chunk.bad.push(Bad { line: here, reason, text: shorten(text.trim_end()) });
    }
    for (index, builder) in builders.into_iter().enumerate() {
        let failed = matches!(builder, Builder::Numbers(_, true));
        chunk.failed.extend(failed.then_some(index));
        chunk.columns.push(builder.finish().filter(|_| !failed));
    }
    chunk
}

impl Builder {
    fn new(keep: Keep, rows: usize) -> Self {
        match keep {
            Keep::Numbers => Builder::Numbers(Float64Builder::with_capacity(rows), false),
            Keep::Texts => Builder::Texts(LargeStringBuilder::with_capacity(rows, rows * 8)),
            Keep::Nothing => Builder::Nothing,
        }
    }

    fn push(&mut self, bytes: &[u8], cell: &Cell, dialect: Dialect, plan: &Plan) {
        let value = &bytes[cell.range.clone()];
        match self {
            Builder::Numbers(_, true) | Builder::Nothing => {}
            Builder::Numbers(values, failed) => match number::parse(value, plan.decimal) {
                // A quantity may still be what stands for a missing one, such as -999.
                Some(number) if !plan.missing.is(value) => values.append_value(number),
                None if !plan.missing.is(value) => *failed = true,
                _ => values.append_null(),
            },
            Builder::Texts(values) if plan.missing.is(value) => values.append_null(),
            Builder::Texts(values) if cell.doubled => {
                values.append_value(super::dialect::content(bytes, cell, dialect));
            }
            // The record was found to be text.
            Builder::Texts(values) => values.append_value(std::str::from_utf8(value).unwrap_or_default()),
        }
    }

    fn finish(self) -> Option<ArrayRef> {
        match self {
            Builder::Numbers(mut values, _) => Some(Arc::new(values.finish())),
            Builder::Texts(mut values) => Some(Arc::new(values.finish())),
            Builder::Nothing => None,
        }
    }
}
