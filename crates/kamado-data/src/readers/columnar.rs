//! Parquet and Arrow IPC: columns with types of their own.
//!
//! Integers and floats of up to 64 bits and decimals of up to 128 are numbers, truth values categories, dates and timestamps dates; texts
//! and dictionaries of texts are inferred as those of a CSV file are; lists of a fixed length are tensors. Files that
//! [`write_parquet_shards`](super::write_parquet_shards) wrote say the kinds themselves.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, Float64Array, LargeStringArray, RecordBatch, TimestampMillisecondArray};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{DataType, Field, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Format;
use super::infer;
use super::inputs::Input;
use super::raw::{RawColumn, RawTable, Values};
use crate::error::{DataError, Result};
use crate::frame::Kind;
use crate::media::{INSIDE, Media};

/// The key under which a field's metadata holds the kind of its column, as JSON.
pub(super) const KIND: &str = "kamado.kind";
/// Rows that are decoded at once.
const BATCH: usize = 8192;
const DAY: i64 = 86_400_000;

pub(super) fn read(inputs: &[Input], media: &Media) -> Result<RawTable> {
    let mut files: Vec<Vec<RawColumn>> = Vec::new();
    let mut places = Vec::new();
    for (file, input) in (0u32..).zip(inputs) {
        let opened = media.file(&input.location)?;
        let batches = guarded(&input.location, || match input.format {
            Format::Parquet => parquet_batches(opened, None),
            _ => arrow_batches(opened),
        })?;
        let columns = columns(&batches, &input.location, 0)?;
        let names =
            |columns: &[RawColumn]| -> Vec<String> { columns.iter().map(|column| column.name.clone()).collect() };
        if let Some(first) = files.first().filter(|first| names(first) != names(&columns)) {
            let (expected, found) = (format!("the columns {:?} of the first file", names(first)), names(&columns));
            let remedy = "Read files with other columns by themselves";
            return Err(DataError::malformed(&input.location, expected, format!("{found:?}"), remedy));
        }
        let rows = columns.first().map_or(0, |column| column.values.len()) as u64;
        places.extend((1..=rows).map(|row| (file, row)));
        files.push(columns);
    }
    Ok(RawTable { columns: infer::stack(files)?, files: inputs.iter().map(|i| i.location.clone()).collect(), places })
}

/// What a decoder of someone else's bytes delivers. Should it meet a case that its authors did not think of, that is an
/// error in the file for whoever reads it, and no reason to take the program down.
pub(crate) fn guarded<T>(location: &str, work: impl FnOnce() -> std::result::Result<T, String>) -> Result<T> {
    let done =
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("bytes that the decoder gives up on".into()));
    done.map_err(|problem| {
        let remedy = "It may be damaged or cut off: write or copy it again";
        DataError::malformed(location, "a file that can be decoded", problem, remedy)
    })
}

/// All rows, or those of one group.
pub(super) fn parquet_batches(file: File, group: Option<usize>) -> std::result::Result<Vec<RecordBatch>, String> {
    let text = |error: parquet::errors::ParquetError| error.to_string();
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(text)?.with_batch_size(BATCH);
    if let Some(group) = group {
        builder = builder.with_row_groups(vec![group]);
    }
    let schema = Arc::clone(builder.schema());
    let mut batches: Vec<RecordBatch> =
        builder.build().map_err(text)?.collect::<std::result::Result<_, _>>().map_err(|error| error.to_string())?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

fn arrow_batches(mut file: File) -> std::result::Result<Vec<RecordBatch>, String> {
    let text = |error: arrow_schema::ArrowError| error.to_string();
    let mut start = [0; 6];
    let _ = std::io::Read::read(&mut file, &mut start);
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    let file = BufReader::new(file);
    if &start == b"ARROW1" {
        let reader = FileReader::try_new(file, None).map_err(text)?;
        let schema = reader.schema();
        let batches: Vec<_> = reader.collect::<std::result::Result<_, _>>().map_err(text)?;
        return Ok(if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches });
    }
    StreamReader::try_new(file, None).map_err(text)?.collect::<std::result::Result<_, _>>().map_err(text)
}

/// The columns of some batches of one schema, whose first row has the number `first_row` in its file.
pub(super) fn columns(batches: &[RecordBatch], location: &str, first_row: usize) -> Result<Vec<RawColumn>> {
    let Some(first) = batches.first() else {
        let remedy = "Check that it was written completely";
        return Err(DataError::malformed(location, "rows", "none", remedy));
    };
    let column = |(index, field): (usize, &Arc<Field>)| {
        let arrays: Vec<ArrayRef> = batches.iter().map(|batch| Arc::clone(batch.column(index))).collect();
        let values = infer::join(field.name(), &arrays)?;
        let values = converted(field, &values, location, first_row)?;
        Ok(RawColumn { name: field.name().clone(), values })
    };
    first.schema().fields().iter().enumerate().map(column).collect()
}

fn converted(field: &Field, values: &ArrayRef, location: &str, first_row: usize) -> Result<Values> {
    let stated = field.metadata().get(KIND).and_then(|kind| serde_json::from_str::<Kind>(kind).ok());
    if let (Some(kind @ (Kind::Image | Kind::Audio)), DataType::LargeBinary) = (&stated, values.data_type()) {
        let at = |row: usize| {
            values.is_valid(row).then(|| format!("{location}{INSIDE}{}/{}", field.name(), first_row + row))
        };
        let locations: LargeStringArray = (0..values.len()).map(at).collect();
        return Ok(Values::Typed(kind.clone(), Arc::new(locations)));
    }
    let found = plain(values).ok_or_else(|| {
        let place = format!("{location}, column {:?}", field.name());
        let remedy = "Write it as one of these types, or leave the column out";
        let expected = "numbers, truth values, texts, dates or lists of fixed length";
        DataError::malformed(place, expected, values.data_type().to_string(), remedy)
    })?;
    Ok(match (stated, found) {
        (Some(kind @ (Kind::Category | Kind::Text | Kind::Image | Kind::Audio)), Values::Texts(texts)) => {
            Values::Typed(kind, Arc::new(texts))
        }
        (Some(Kind::Tensor(shape)), Values::Typed(Kind::Tensor(len), array))
            if shape.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis)) == Some(len[0]) =>
        {
            Values::Typed(Kind::Tensor(shape), array)
        }
        (_, found) => found,
    })
}

/// Values of the types that are known.
fn plain(values: &ArrayRef) -> Option<Values> {
    let numbers = match values.data_type() {
        DataType::Float64 => return Some(Values::Numbers(numbers::<Float64Type>(values, |value| value))),
        DataType::Float32 => numbers::<Float32Type>(values, f64::from),
        DataType::Int8 => numbers::<Int8Type>(values, f64::from),
        DataType::Int16 => numbers::<Int16Type>(values, f64::from),
        DataType::Int32 => numbers::<Int32Type>(values, f64::from),
        DataType::Int64 => numbers::<Int64Type>(values, |value| value as f64),
        DataType::UInt8 => numbers::<UInt8Type>(values, f64::from),
        DataType::UInt16 => numbers::<UInt16Type>(values, f64::from),
        DataType::UInt32 => numbers::<UInt32Type>(values, f64::from),
        DataType::UInt64 => numbers::<UInt64Type>(values, |value| value as f64),
        DataType::Decimal32(_, scale) => numbers::<Decimal32Type>(values, |value| f64::from(value) / unit(*scale)),
        DataType::Decimal64(_, scale) => numbers::<Decimal64Type>(values, |value| value as f64 / unit(*scale)),
        DataType::Decimal128(_, scale) => numbers::<Decimal128Type>(values, |value| value as f64 / unit(*scale)),
        DataType::Date32 => return Some(dates::<Date32Type>(values, |day| i64::from(day) * DAY)),
        DataType::Date64 => return Some(dates::<Date64Type>(values, |moment| moment)),
        DataType::Timestamp(TimeUnit::Second, _) => {
            return Some(dates::<TimestampSecondType>(values, |moment| moment.saturating_mul(1000)));
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            return Some(dates::<TimestampMillisecondType>(values, |moment| moment));
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            return Some(dates::<TimestampMicrosecondType>(values, |moment| moment.div_euclid(1000)));
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            return Some(dates::<TimestampNanosecondType>(values, |moment| moment.div_euclid(1_000_000)));
        }
        DataType::Boolean => {
            let truth = values.as_boolean().iter().map(|value| value.map(|value| if value { "true" } else { "false" }));
            let truth: LargeStringArray = truth.collect();
            return Some(Values::Typed(Kind::Category, Arc::new(truth)));
        }
        DataType::FixedSizeList(item, len) if values.null_count() == 0 => {
            let sound = matches!(item.data_type(), DataType::UInt8 | DataType::Float32);
            let len = usize::try_from(*len).ok().filter(|&len| sound && len > 0)?;
            return Some(Values::Typed(Kind::Tensor(vec![len]), Arc::clone(values)));
        }
        _ => return texts(values).map(Values::Texts),
    };
    Some(Values::Numbers(numbers))
}

/// How many of the smallest parts of a decimal make 1.
fn unit(scale: i8) -> f64 {
    10f64.powi(i32::from(scale))
}

fn numbers<T: ArrowPrimitiveType>(values: &ArrayRef, convert: impl Fn(T::Native) -> f64) -> Float64Array {
    let value = |value: Option<T::Native>| value.map(&convert).filter(|value| value.is_finite());
    values.as_primitive::<T>().iter().map(value).collect()
}

fn dates<T: ArrowPrimitiveType>(values: &ArrayRef, convert: impl Fn(T::Native) -> i64) -> Values {
    let dates: TimestampMillisecondArray = values.as_primitive::<T>().iter().map(|value| value.map(&convert)).collect();
    Values::Typed(Kind::Date, Arc::new(dates))
}

fn texts(values: &ArrayRef) -> Option<LargeStringArray> {
    Some(match values.data_type() {
        DataType::LargeUtf8 => values.as_string::<i64>().clone(),
        DataType::Utf8 => values.as_string::<i32>().iter().collect(),
        DataType::Utf8View => values.as_string_view().iter().collect(),
        DataType::Dictionary(_, _) => {
            let dictionary = values.as_any_dictionary_opt()?;
            let words = texts(dictionary.values())?;
            let keys = dictionary.normalized_keys();
            let word = |(row, key): (usize, usize)| {
                let there = dictionary.keys().is_valid(row) && words.is_valid(key);
                there.then(|| words.value(key))
            };
            if words.is_empty() {
                return Some(LargeStringArray::new_null(values.len()));
            }
            keys.into_iter().enumerate().map(word).collect()
        }
        DataType::Null => LargeStringArray::new_null(values.len()),
        _ => return None,
    })
}
