//! Where the records and fields of delimited text lie.
//!
//! A field that begins with the quote ends at the next quote that is not doubled, if only spaces stand between it and the
//! delimiter or the end of the line; otherwise its quotes are ordinary characters (as in `5" pipe`, or `"a" or "b"`). Spaces
//! around a field do not count. Source: RFC 4180, and what its section 2 leaves open decided so that one stray quote spoils
//! one record at most.

use std::ops::Range;

use memchr::memchr;

/// A record may take so many bytes; a quoted field without end would otherwise take all of the file.
pub(super) const LONGEST_RECORD: usize = 16 << 20;

/// What the characters mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    pub(super) comment: Option<u8>,
}

/// Where a field lies, without the quotes around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) range: Range<usize>,
    /// Whether quotes inside it are doubled.
    pub(super) doubled: bool,
}

/// What was found at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A record, and where the next one begins.
    Record(usize),
    /// A quote that is never closed; the line ends before the given place.
    Unclosed(usize),
    /// More bytes are needed.
    Incomplete,
}

/// Finds the fields of the record at `start`; `whole` says that no more bytes follow these.
pub(super) fn record(bytes: &[u8], start: usize, dialect: Dialect, whole: bool, cells: &mut Vec<Cell>) -> Step {
    cells.clear();
    let mut place = start;
    loop {
        let (cell, end) = match field(bytes, place, dialect, whole) {
            Found::Field(cell, end) => (cell, end),
            Found::Unclosed => {
                return match memchr(b'\n', &bytes[start..]) {
                    Some(end) => Step::Unclosed(start + end + 1),
                    None if whole => Step::Unclosed(bytes.len()),
                    None => Step::Incomplete,
                };
            }
            Found::Incomplete => return Step::Incomplete,
        };
        cells.push(cell);
        match bytes.get(end) {
            Some(&byte) if byte == dialect.delimiter => place = end + 1,
            Some(_) => return Step::Record(end + 1),
            None if whole => return Step::Record(end),
            None => return Step::Incomplete,
        }
    }
}

enum Found {
    /// A field, and where the delimiter or the end of the line is.
    Field(Cell, usize),
    Unclosed,
    Incomplete,
}

fn field(bytes: &[u8], start: usize, dialect: Dialect, whole: bool) -> Found {
    let space = |byte: u8| (byte == b' ' || byte == b'\t') && byte != dialect.delimiter;
    let mut first = start;
    while bytes.get(first).is_some_and(|&byte| space(byte)) {
        first += 1;
    }
    let quote = dialect.quote.filter(|quote| bytes.get(first) == Some(quote));
    if let Some(found) = quote.and_then(|quote| quoted(bytes, first + 1, quote, dialect, whole)) {
        return found;
    }
    let rest = &bytes[first..];
    let len = rest.iter().position(|&byte| byte == dialect.delimiter || byte == b'\n');
    let end = first + len.unwrap_or(rest.len());
    let mut last = end;
    while last > first && (space(bytes[last - 1]) || bytes[last - 1] == b'\r') {
        last -= 1;
    }
    Found::Field(Cell { range: first..last, doubled: false }, end)
}

/// A field whose content begins at `start`, after the quote; None if its quotes do not enclose it.
fn quoted(bytes: &[u8], start: usize, quote: u8, dialect: Dialect, whole: bool) -> Option<Found> {
    let (mut place, mut doubled) = (start, false);
    loop {
        let limit = bytes.len().min(start.saturating_add(LONGEST_RECORD));
        let Some(close) = bytes.get(place..limit).and_then(|rest| memchr(quote, rest)).map(|found| place + found)
        else {
            return Some(if whole || limit < bytes.len() { Found::Unclosed } else { Found::Incomplete });
        };
        if bytes.get(close + 1) == Some(&quote) {
            (place, doubled) = (close + 2, true);
            continue;
        }
        let mut end = close + 1;
        while bytes.get(end).is_some_and(|&byte| matches!(byte, b' ' | b'\t' | b'\r') && byte != dialect.delimiter) {
            end += 1;
        }
        return match bytes.get(end) {
            Some(&byte) if byte != dialect.delimiter && byte != b'\n' => None,
            None if !whole => Some(Found::Incomplete),
            _ => Some(Found::Field(Cell { range: start..close, doubled }, end)),
        };
    }
}

/// A run of whole records, and the number of its first line, counted from 0 at the start of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    pub(super) line: u64,
}

/// Cuts the whole records of a block into about `count` pieces; returns where the rest begins, and its line.
pub(super) fn cut(bytes: &[u8], dialect: Dialect, whole: bool, count: usize) -> (Vec<Piece>, usize, u64) {
    let target = bytes.len().div_ceil(count.max(1)).max(1);
    let mut pieces = Vec::new();
    let (mut place, mut line) = (0, 0);
    let mut piece = Piece { range: 0..0, line: 0 };
    let mut cells = Vec::new();
    while place < bytes.len() {
        let line_end = memchr(b'\n', &bytes[place..]).map(|end| place + end + 1);
        let text = &bytes[place..line_end.unwrap_or(bytes.len())];
        let plain = text.first().copied() == dialect.comment && dialect.comment.is_some()
            || dialect.quote.is_none_or(|quote| memchr(quote, text).is_none());
        let next = match line_end {
            Some(end) if plain => end,
            None if plain && whole => bytes.len(),
            None if plain => break,
            _ => match record(bytes, place, dialect, whole, &mut cells) {
                Step::Record(next) | Step::Unclosed(next) => next,
                Step::Incomplete => break,
            },
        };
        line += lines(&bytes[place..next]);
        place = next;
        piece.range.end = place;
        if piece.range.len() >= target {
            pieces.push(piece);
            piece = Piece { range: place..place, line };
        }
    }
    if !piece.range.is_empty() {
        pieces.push(piece);
    }
    (pieces, place, line)
}

/// How many lines end in these bytes.
pub(super) fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: Dialect = Dialect { delimiter: b',', quote: Some(b'"'), comment: Some(b'#') };

    fn fields(text: &str) -> (Vec<String>, Step) {
        let mut cells = Vec::new();
        let step = record(text.as_bytes(), 0, COMMA, true, &mut cells);
        (cells.into_iter().map(|cell| text[cell.range].to_owned()).collect(), step)
    }

    #[test]
    fn fields_lie_where_the_format_says() {
        assert_eq!(fields("a, b ,,d\r\ne").0, ["a", "b", "", "d"]);
        assert_eq!(fields("\"a,\n\"\"b\" , c\n"), (vec!["a,\n\"\"b".into(), "c".into()], Step::Record(13)));
        assert_eq!(fields("5\" pipe,\"a\" or \"b\",x\n").0, ["5\" pipe", "\"a\" or \"b\"", "x"]);
        assert_eq!(fields("1,\"x\n2,y\n").1, Step::Unclosed(5));
        assert_eq!(fields(""), (vec![String::new()], Step::Record(0)));
        assert_eq!(fields("a,").0, ["a", ""]);
    }

    #[test]
    fn blocks_are_cut_between_records() {
        let text = b"a,1\n\"b\n\",2\n# \"\nc,3\nd,";
        let (pieces, rest, line) = cut(text, COMMA, false, 100);
        let found: Vec<(&[u8], u64)> = pieces.iter().map(|piece| (&text[piece.range.clone()], piece.line)).collect();
        assert_eq!(found, [(&b"a,1\n"[..], 0), (b"\"b\n\",2\n", 1), (b"# \"\n", 3), (b"c,3\n", 4)]);
        assert_eq!((&text[rest..], line), (&b"d,"[..], 5));
        assert_eq!(cut(text, COMMA, true, 1).0, [Piece { range: 0..text.len(), line: 0 }]);
    }
}
