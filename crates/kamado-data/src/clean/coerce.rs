//! The same column as the kind that a model was trained with.

use std::sync::Arc;

use arrow_array::{Float64Array, LargeStringArray, new_null_array};
use arrow_schema::{DataType, TimeUnit};

use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};

/// The column `name` of `frame` as values of `kind` (a number, a category or a date): a file of a few rows may look as if
/// it held others. Numbers that are not finite are missing.
///
/// # Errors
/// If there is no such column, or a value cannot be understood as `kind`; the text names its row.
pub(crate) fn coerced(frame: &Frame, name: &str, kind: &Kind) -> Result<Column> {
    let column = frame.column(name)?;
    match (kind, column.kind()) {
        (Kind::Number, Kind::Number) => finite(column),
        (wanted, found) if wanted == found => Ok(column.clone()),
        _ if column.missing() == column.len() => {
            let values = match kind {
                Kind::Number => DataType::Float64,
                Kind::Date => DataType::Timestamp(TimeUnit::Millisecond, None),
                _ => DataType::LargeUtf8,
            };
            Column::new(name, kind.clone(), new_null_array(&values, column.len()))
        }
        (Kind::Number, Kind::Category | Kind::Text) => parsed(frame, column),
        (Kind::Category, Kind::Text) => Column::new(name, Kind::Category, Arc::clone(column.values())),
        (Kind::Category, Kind::Number) => {
            let names: LargeStringArray = column.numbers()?.iter().map(|x| x.map(|x| x.to_string())).collect();
            Column::new(name, Kind::Category, Arc::new(names))
        }
        (wanted, found) => Err(DataError::malformed(
            format!("column {name:?}"),
            format!("{} values, as in training", wanted.word()),
            format!("{} values", found.word()),
            "Say what kind it is in [data.columns], or mend the file",
        )),
    }
}

fn finite(column: &Column) -> Result<Column> {
    let values = column.numbers()?;
    if values.values().iter().all(|x| x.is_finite()) {
        return Ok(column.clone());
    }
    let known = values.iter().map(|x| x.filter(|x| x.is_finite()));
    Ok(Column::of_numbers(column.name(), known))
}

fn parsed(frame: &Frame, column: &Column) -> Result<Column> {
    let parse = |(row, text): (usize, Option<&str>)| {
        let Some(text) = text else { return Ok(None) };
        let number = text.trim().parse::<f64>().map_err(|_| {
            let place = format!("{}, column {:?}", frame.place(row), column.name());
            let shown: String = text.chars().take(60).collect();
            DataError::malformed(place, "a number, as in training", format!("{shown:?}"), "Mend the row")
        });
        number.map(|number| Some(number).filter(|x| x.is_finite()))
    };
    let numbers = column.texts()?.iter().enumerate().map(parse).collect::<Result<Float64Array>>()?;
    Column::new(column.name(), Kind::Number, Arc::new(numbers))
}
