//! NumPy arrays: `.npy`, and `.npz` with a column for each array. The first axis counts the rows.
//!
//! Layout: the magic `\x93NUMPY`, version, length of the header, the header (a Python dictionary with `descr`,
//! `fortran_order` and `shape`), the elements. One axis becomes a column of numbers (of texts for `U` and `S`); more become
//! a tensor, of bytes if they are and otherwise of `f32`. Objects are refused: reading them would run code.
//!
//! Source: NumPy enhancement proposal 1, "A Simple File Format for NumPy Arrays".

use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, Float64Array, LargeStringArray, UInt8Array};
use arrow_schema::{DataType, Field};

use super::inputs::Input;
use super::raw::{RawColumn, RawTable, Values};
use super::{Format, infer};
use crate::error::{DataError, Result};
use crate::frame::Kind;
use crate::media::Media;

const AGAIN: &str = "The file is damaged or was cut off: write or copy it again";

pub(super) fn read(inputs: &[Input], media: &Media) -> Result<RawTable> {
    let mut files: Vec<Vec<RawColumn>> = Vec::new();
    let mut places = Vec::new();
    for (file, input) in (0u32..).zip(inputs) {
        let location = &input.location;
        let bytes = media.read(location)?;
        let columns = match input.format {
            Format::Npz => columns_of_npz(bytes, location)?,
            _ => vec![column("data", &bytes, location)?],
        };
        let rows = columns.first().map_or(0, |column| column.values.len());
        if let Some(other) = columns.iter().find(|column| column.values.len() != rows) {
            let expected = format!("arrays of {rows} rows, as {:?} has", columns[0].name);
            let found = format!("{} in {:?}", other.values.len(), other.name);
            let remedy = "Write arrays with the same first axis; separate training and test arrays by file";
            return Err(DataError::malformed(location, expected, found, remedy));
        }
        if files.first().is_some_and(|first| !first.iter().map(|c| &c.name).eq(columns.iter().map(|c| &c.name))) {
            let expected = "the arrays of the first file";
            return Err(DataError::malformed(location, expected, "others", "Read such files by themselves"));
        }
        places.extend((1..=rows as u64).map(|row| (file, row)));
        files.push(columns);
    }
    Ok(RawTable { columns: infer::stack(files)?, files: inputs.iter().map(|i| i.location.clone()).collect(), places })
}

fn columns_of_npz(bytes: Vec<u8>, location: &str) -> Result<Vec<RawColumn>> {
    let limit = (bytes.len() as u64).saturating_mul(200).max(64 << 20);
    let damaged =
        |error: zip::result::ZipError| DataError::malformed(location, "an npz archive", error.to_string(), AGAIN);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut columns = Vec::new();
    let mut total = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?;
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let mut bytes = Vec::new();
        let left = limit.saturating_sub(total);
        let read = entry.take(left + 1).read_to_end(&mut bytes);
        total +=
            read.map_err(|error| DataError::malformed(location, "an npz archive", error.to_string(), AGAIN))? as u64;
        if total > limit {
            let found = "one that only a decompression bomb has";
            return Err(DataError::malformed(location, "a sensible size when expanded", found, "Do not use it"));
        }
        columns.push(column(&name, &bytes, location)?);
    }
    if columns.is_empty() {
        return Err(DataError::malformed(location, "arrays", "none in it", AGAIN));
    }
    Ok(columns)
}

/// The elements of an array, and how they are written.
struct Header<'a> {
    big: bool,
    letter: u8,
    size: usize,
    shape: Vec<usize>,
    elements: &'a [u8],
}

fn column(name: &str, bytes: &[u8], location: &str) -> Result<RawColumn> {
    let header = header(bytes).map_err(|(found, remedy)| {
        DataError::malformed(format!("{location}, array {name:?}"), "an array that can be read", found, remedy)
    })?;
    let values = match (header.shape.split_first(), header.letter) {
        (Some((_, [])), b'U' | b'S') => Values::Texts(header.texts()),
        (Some((_, [])), _) => {
            Values::Numbers(header.numbers().map(|v| (!v.is_nan()).then_some(v)).collect::<Float64Array>())
        }
        (Some((&rows, axes)), _) => header.tensor(rows, axes).ok_or_else(|| {
            let found = format!("shape {:?} of type {}", header.shape, char::from(header.letter));
            let remedy = "Write numbers, with as many elements as the shape says and none of its axes empty";
            DataError::malformed(format!("{location}, array {name:?}"), "an array of numbers", found, remedy)
        })?,
        (None, _) => {
            let remedy = "Write an array whose first axis counts the rows";
            return Err(DataError::malformed(format!("{location}, array {name:?}"), "rows", "a single number", remedy));
        }
    };
    Ok(RawColumn { name: name.to_owned(), values })
}

fn header(bytes: &[u8]) -> std::result::Result<Header<'_>, (String, &'static str)> {
    let damaged = |found: &str| (found.to_owned(), AGAIN);
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(|| damaged("bytes that do not begin as arrays do"))?;
    let (len, start) = match rest {
        [1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 4),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 6),
        _ => return Err(damaged("an unknown version")),
    };
    let text = rest.get(start..).and_then(|rest| rest.get(..len)).ok_or_else(|| damaged("half a header"))?;
    let text = std::str::from_utf8(text).map_err(|_| damaged("a header that is no text"))?;
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start_matches([' ', ':']));
    let (Some(descr), Some(order), Some(shape)) = (after("'descr'"), after("'fortran_order'"), after("'shape'")) else {
        return Err(damaged("a header without descr, fortran_order or shape"));
    };
    let descr = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(descr, _)| descr.as_bytes());
    let Some([endian, letter, size @ ..]) = descr else {
        return Err((format!("a record type: {text:.100}"), "Write a plain array for each field"));
    };
    let size: Option<usize> = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok());
    let known = match (letter, size) {
        (b'b', Some(1)) | (b'i' | b'u', Some(1 | 2 | 4 | 8)) | (b'f', Some(4 | 8)) => true,
        (b'U', Some(size)) => (1..1 << 24).contains(&size),
        (b'S', Some(size)) => (1..1 << 26).contains(&size),
        _ => false,
    };
    let size = size.filter(|_| known).ok_or_else(|| {
        let remedy = "Write bool, integers, float32, float64 or strings; objects would run code when read";
        (
            format!("elements of type {}{}", char::from(*letter), size.map_or(String::new(), |size| size.to_string())),
            remedy,
        )
    })?;
    if order.starts_with("True")
        && shape.split(',').filter(|part| part.contains(|c: char| c.is_ascii_digit())).count() > 1
    {
        return Err(("columns before rows (Fortran order)".into(), "Write numpy.ascontiguousarray(x)"));
    }
    let shape = shape.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(shape, _)| shape);
    let shape: Option<Vec<usize>> = shape.and_then(|shape| {
        shape.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
    });
    let shape = shape.ok_or_else(|| damaged("a shape that is no list of sizes"))?;
    let size = if *letter == b'U' { size * 4 } else { size };
    let count = shape.iter().try_fold(size, |product, &axis| product.checked_mul(axis));
    let elements = &rest[start + len..];
    if count != Some(elements.len()) {
        return Err(damaged(&format!("{} bytes for shape {shape:?} of {size} bytes each", elements.len())));
    }
    Ok(Header { big: *endian == b'>', letter: *letter, size, shape, elements })
}

impl Header<'_> {
    fn numbers(&self) -> impl Iterator<Item = f64> {
        self.elements.chunks_exact(self.size).map(|bytes| {
            let mut word = [0; 8];
            let used = &mut word[..bytes.len()];
            used.copy_from_slice(bytes);
            if self.big {
                used.reverse();
            }
            let bits = u64::from_le_bytes(word);
            let unused = 64 - 8 * self.size as u32;
            match (self.letter, self.size) {
                (b'f', 4) => f64::from(f32::from_bits(bits as u32)),
                (b'f', _) => f64::from_bits(bits),
                (b'i', _) => ((bits << unused) as i64 >> unused) as f64,
                _ => bits as f64,
            }
        })
    }

    fn texts(&self) -> LargeStringArray {
        let text = |bytes: &[u8]| -> Option<String> {
            if self.letter == b'S' {
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                return Some(String::from_utf8_lossy(&bytes[..end]).into_owned()).filter(|text| !text.is_empty());
            }
            let letters = bytes.chunks_exact(4).map(|word| {
                let word = [word[0], word[1], word[2], word[3]];
                if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
            });
            let letters = letters.take_while(|&letter| letter != 0);
            let text: String = letters.map(|l| char::from_u32(l).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            Some(text).filter(|text| !text.is_empty())
        };
        self.elements.chunks_exact(self.size).map(text).collect()
    }

    fn tensor(&self, rows: usize, axes: &[usize]) -> Option<Values> {
        if matches!(self.letter, b'U' | b'S') || rows == 0 {
            return None;
        }
        let width = i32::try_from(axes.iter().product::<usize>()).ok().filter(|&width| width > 0)?;
        let (kind, elements): (DataType, ArrayRef) = match (self.letter, self.size) {
            (b'u' | b'b', 1) => (DataType::UInt8, Arc::new(UInt8Array::from(self.elements.to_vec()))),
            _ => (
                DataType::Float32,
                Arc::new(
                    self.numbers()
                        .map(|v| v as f32)
                        .collect::<Vec<f32>>()
                        .into_iter()
                        .map(Some)
                        .collect::<Float32Array>(),
                ),
            ),
        };
        let item = Arc::new(Field::new("item", kind, false));
        let list = FixedSizeListArray::try_new(item, width, elements, None).ok()?;
        Some(Values::Typed(Kind::Tensor(axes.to_vec()), Arc::new(list)))
    }
}
