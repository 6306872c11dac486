//! Tables as CSV files.

use std::io::Write;

use arrow_array::Array;

use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};

/// Writes a table as CSV (RFC 4180) in UTF-8: a header, then a line for each row. Missing values are empty; numbers have as
/// many digits as are needed to read the same number again; dates are written as `2026-11-24T16:00:00.000`.
///
/// # Errors
/// If a column holds arrays, which CSV has no form for, or writing fails.
pub fn write_csv(frame: &Frame, out: impl Write) -> Result<()> {
    let columns = frame.columns().iter().map(Cells::of).collect::<Result<Vec<_>>>()?;
    let mut writer = csv::Writer::from_writer(out);
    let failed = |error: csv::Error| DataError::request(format!("cannot write the table: {error}"), "Free some space");
    writer.write_record(frame.columns().iter().map(Column::name)).map_err(failed)?;
    for row in 0..frame.rows() {
        writer.write_record(columns.iter().map(|cells| cells.text(row))).map_err(failed)?;
    }
    writer.flush().map_err(|error| failed(error.into()))
}

/// The values of a column, to be written.
enum Cells<'a> {
    Numbers(&'a arrow_array::Float64Array),
    Texts(&'a arrow_array::LargeStringArray),
    Dates(&'a arrow_array::TimestampMillisecondArray),
}

impl<'a> Cells<'a> {
    fn of(column: &'a Column) -> Result<Self> {
        match column.kind() {
            Kind::Number => Ok(Cells::Numbers(column.numbers()?)),
            Kind::Date => Ok(Cells::Dates(column.dates()?)),
            Kind::Category | Kind::Text | Kind::Image | Kind::Audio => Ok(Cells::Texts(column.texts()?)),
            Kind::Tensor(_) => Err(DataError::request(
                format!("column {:?} holds arrays, for which CSV has no form", column.name()),
                "Write Parquet files instead",
            )),
        }
    }

    fn text(&self, row: usize) -> String {
        match self {
            Cells::Numbers(values) if values.is_valid(row) => values.value(row).to_string(),
            Cells::Texts(values) if values.is_valid(row) => values.value(row).to_owned(),
            Cells::Dates(values) if values.is_valid(row) => moment(values.value(row)),
            _ => String::new(),
        }
    }
}

/// `2026-11-24T16:00:00.000`
fn moment(milliseconds: i64) -> String {
    let (day, rest) = (crate::report::day(milliseconds), milliseconds.rem_euclid(86_400_000));
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    format!("{day}T{hours:02}:{minutes:02}:{:02}.{:03}", rest / 1_000 % 60, rest % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_has_every_digit_and_quote() {
        let frame = Frame::new(vec![
            Column::of_numbers("x", [Some(0.1), None, Some(1e300)]),
            Column::of_texts("a \"b\"", [Some("one, two"), Some("line\nbreak"), None]),
        ])
        .unwrap();
        let mut out = Vec::new();
        write_csv(&frame, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("x,\"a \"\"b\"\"\"\n0.1,\"one, two\"\n,\"line\nbreak\"\n1000"), "{text}");
        assert_eq!(moment(1_795_478_400_000 + 3_723_004), "2026-11-24T01:02:03.004");
    }
}
