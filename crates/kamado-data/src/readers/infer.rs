//! What the columns of a table mean, from all rows.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use arrow_array::builder::{Float64Builder, TimestampMillisecondBuilder};
use arrow_array::{Array, ArrayRef, LargeStringArray};

use super::inputs::format_of;
use super::missing::Missing;
use super::raw::{RawColumn, RawTable, Values, array};
use super::{Format, Log, ReadOptions, dates, number};
use crate::clean::BadRow;
use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};
use crate::media::beside;

/// So many different values are categories however often they occur.
const FEW: usize = 20;
/// More different values than this are no categories.
const MOST_CATEGORIES: usize = 1000;
/// So often each of more than [`FEW`] categories occurs on average.
const REPEATS: usize = 20;
/// Categories are short: at most so many bytes on average.
const SHORT: usize = 64;
/// One value in so many may be of another kind than the others.
const ODD_ONE_IN: usize = 100;

/// A column with its kind, and the rows whose value is not of that kind.
struct Typed {
    kind: Kind,
    values: ArrayRef,
    bad: Vec<usize>,
}

/// The frame of the rows that can be used; the others go to the quarantine.
pub(super) fn frame(table: RawTable, options: &ReadOptions, log: &mut Log) -> Result<Frame> {
    let known: HashSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    if let Some(unknown) = options.kinds.keys().find(|name| !known.contains(name.as_str())) {
        let names: Vec<String> = table.columns.iter().take(20).map(|column| format!("{:?}", column.name)).collect();
        let problem = format!("the kind of a column {unknown:?} is stated, but there is none");
        return Err(DataError::request(problem, format!("The columns are {}", names.join(", "))));
    }
    let typed = in_parallel(&table.columns, options.thread_count(), |column| typed(column, &table, options))?;
    let mut bad: Vec<Option<String>> = vec![None; table.rows()];
    let mut columns = Vec::with_capacity(typed.len());
    for (column, typed) in table.columns.iter().zip(typed) {
        for row in typed.bad {
            let expected = typed.kind.word();
            let found = show(&column.values, row);
            bad[row].get_or_insert_with(|| format!("column {:?}: expected a {expected}, found {found:?}", column.name));
        }
        if typed.values.null_count() == typed.values.len() && !typed.values.is_empty() {
            log.notes.push(format!("column {:?} has no values at all", column.name));
        }
        columns.push(Column::new(&column.name, typed.kind, typed.values)?);
    }
    let keep: Vec<usize> = (0..table.rows()).filter(|&row| bad[row].is_none()).collect();
    for (row, reason) in bad.into_iter().enumerate() {
        if let Some(reason) = reason {
            log.quarantine.push(BadRow { place: table.place(row), reason, text: table.show(row) });
        }
    }
    let all = keep.len() == table.rows();
    let frame = Frame::new(columns)?.with_places(table.files, table.places)?;
    if all { Ok(frame) } else { frame.take(&keep) }
}

/// Results in the order of the items, whichever thread made them.
pub(super) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        while let Some((index, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, items.get(i)?)))
        {
            done.push((index, work(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(items.len())).map(|_| scope.spawn(share)).collect();
        let mut done = share();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|&(index, _)| index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn typed(column: &RawColumn, table: &RawTable, options: &ReadOptions) -> Result<Typed> {
    let stated = options.kinds.get(&column.name);
    let texts = match (&column.values, stated) {
        (Values::Typed(kind, values), None) => return Ok(sound(kind.clone(), values)),
        (Values::Typed(kind, values), Some(stated)) => return restated(column, kind, values, stated),
        (Values::Numbers(values), None | Some(Kind::Number)) => {
            return Ok(Typed { kind: Kind::Number, values: Arc::new(values.clone()), bad: Vec::new() });
        }
        (other, _) => match other.clone().into_texts() {
            Values::Texts(texts) => texts,
            _ => return Err(cannot(column, stated.unwrap_or(&Kind::Text))),
        },
    };
    let there = texts.len() - texts.null_count();
    let allowed = there / ODD_ONE_IN;
    let decimal = decimal(options)?;
    match stated {
        Some(Kind::Number) => return Ok(numbers(&texts, decimal)),
        Some(Kind::Date) => return Ok(moments(&texts)),
        Some(kind @ (Kind::Image | Kind::Audio)) => return Ok(locations(&texts, kind.clone(), table)),
        Some(kind @ (Kind::Category | Kind::Text)) => return Ok(sound(kind.clone(), &(Arc::new(texts) as ArrayRef))),
        Some(kind @ Kind::Tensor(_)) => return Err(cannot(column, kind)),
        None => {}
    }
    let missing = Missing::new(options.missing.as_deref());
    let mostly = |test: &dyn Fn(&str) -> bool| {
        let mut odd = 0;
        texts.iter().flatten().all(|text| {
            test(text) || {
                odd += 1;
                odd <= allowed
            }
        })
    };
    let is_number = |text: &str| number::parse(text.as_bytes(), decimal).is_some() || missing.is(text.as_bytes());
    if there == 0 || mostly(&is_number) {
        return Ok(numbers(&texts, decimal));
    }
    for (format, kind) in [(Format::Image, Kind::Image), (Format::Audio, Kind::Audio)] {
        if mostly(&|text| format_of(text) == Some(format)) {
            return Ok(locations(&texts, kind, table));
        }
    }
    if mostly(&|text| text.len() <= 40 && (is_date(text))) {
        return Ok(moments(&texts));
    }
    let kind = if repeats(&texts, there) { Kind::Category } else { Kind::Text };
    Ok(sound(kind, &(Arc::new(texts) as ArrayRef)))
}

fn sound(kind: Kind, values: &ArrayRef) -> Typed {
    Typed { kind, values: Arc::clone(values), bad: Vec::new() }
}

fn is_date(text: &str) -> bool {
    dates::parse(text, dates::Order::MonthFirst).or_else(|| dates::parse(text, dates::Order::DayFirst)).is_some()
}

/// What a format calls one thing, the options may call another that lies in memory the same way.
fn restated(column: &RawColumn, kind: &Kind, values: &ArrayRef, stated: &Kind) -> Result<Typed> {
    let texts = |kind: &Kind| matches!(kind, Kind::Category | Kind::Text | Kind::Image | Kind::Audio);
    if kind == stated || texts(kind) && texts(stated) {
        return Ok(sound(stated.clone(), values));
    }
    Err(cannot(column, stated))
}

fn cannot(column: &RawColumn, stated: &Kind) -> DataError {
    let problem = format!("column {:?} cannot be read as {}", column.name, stated.word());
    DataError::request(problem, "Leave its kind out of [data.columns] to see what it is taken for")
}

fn show(values: &Values, row: usize) -> String {
    match values {
        Values::Texts(texts) if texts.is_valid(row) => super::raw::shorten(texts.value(row)),
        _ => String::new(),
    }
}

/// The decimal sign.
pub(super) fn decimal(options: &ReadOptions) -> Result<u8> {
    let sign = options.decimal.unwrap_or('.');
    let sound = sign.is_ascii_punctuation() && !matches!(sign, '-' | '+');
    let wrong =
        || DataError::request(format!("{sign:?} cannot be a decimal sign"), "Set data.decimal to \".\" or \",\"");
    u8::try_from(sign).ok().filter(|_| sound).ok_or_else(wrong)
}

fn numbers(texts: &LargeStringArray, decimal: u8) -> Typed {
    let mut values = Float64Builder::with_capacity(texts.len());
    let mut bad = Vec::new();
    for (row, text) in texts.iter().enumerate() {
        let value = text.and_then(|text| number::parse(text.as_bytes(), decimal));
        if text.is_some() && value.is_none() {
            bad.push(row);
        }
        values.append_option(value);
    }
    Typed { kind: Kind::Number, values: Arc::new(values.finish()), bad }
}

fn moments(texts: &LargeStringArray) -> Typed {
    let order = dates::order(texts.iter().flatten());
    let mut values = TimestampMillisecondBuilder::with_capacity(texts.len());
    let mut bad = Vec::new();
    for (row, text) in texts.iter().enumerate() {
        let value = text.and_then(|text| dates::parse(text, order));
        if text.is_some() && value.is_none() {
            bad.push(row);
        }
        values.append_option(value);
    }
    Typed { kind: Kind::Date, values: Arc::new(values.finish()), bad }
}

/// Locations beside the files that they stand in.
fn locations(texts: &LargeStringArray, kind: Kind, table: &RawTable) -> Typed {
    let place = |row: usize| table.files[table.places[row].0 as usize].as_str();
    let values: LargeStringArray =
        texts.iter().enumerate().map(|(row, text)| text.map(|text| beside(place(row), text))).collect();
    Typed { kind, values: Arc::new(values), bad: Vec::new() }
}

/// Whether texts are names of categories.
fn repeats(texts: &LargeStringArray, there: usize) -> bool {
    let most = FEW.max(MOST_CATEGORIES.min(there / REPEATS));
    let bytes: usize = texts.iter().flatten().map(str::len).sum();
    if bytes > there.saturating_mul(SHORT) {
        return false;
    }
    let mut known = HashSet::with_capacity(most + 1);
    texts.iter().flatten().all(|text| {
        known.insert(text);
        known.len() <= most
    })
}

/// One below the other, the columns of files with the same columns.
pub(super) fn stack(files: Vec<Vec<RawColumn>>) -> Result<Vec<RawColumn>> {
    let mut columns: Vec<Vec<RawColumn>> = Vec::new();
    for file in files {
        columns.resize_with(columns.len().max(file.len()), Vec::new);
        columns.iter_mut().zip(file).for_each(|(parts, part)| parts.push(part));
    }
    columns.into_iter().map(unify).collect()
}

fn unify(columns: Vec<RawColumn>) -> Result<RawColumn> {
    let name = columns[0].name.clone();
    let numbers = columns.iter().all(|column| matches!(column.values, Values::Numbers(_)));
    let kind = match &columns[0].values {
        Values::Typed(kind, _) => Some(kind.clone()),
        _ => None,
    };
    let same = columns.iter().all(|column| match (&column.values, &kind) {
        (Values::Typed(other, _), Some(kind)) => other == kind,
        (Values::Typed(..), None) | (_, Some(_)) => false,
        _ => true,
    });
    if !same {
        let remedy = "Convert the files to the same types, or read them one by one";
        return Err(DataError::request(format!("column {name:?} differs in its type from file to file"), remedy));
    }
    let arrays =
        columns.into_iter().map(|column| array(if numbers { column.values } else { column.values.into_texts() }));
    let arrays: Vec<ArrayRef> = arrays.collect();
    let joined = join(&name, &arrays)?;
    Ok(RawColumn { values: as_values(&name, joined, kind)?, name })
}

/// One array after another.
pub(super) fn join(name: &str, arrays: &[ArrayRef]) -> Result<ArrayRef> {
    if let [only] = arrays {
        return Ok(Arc::clone(only));
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    arrow_select::concat::concat(&arrays).map_err(|error| {
        DataError::request(
            format!("the parts of column {name:?} cannot be joined: {error}"),
            "Read fewer files at once",
        )
    })
}

/// Numbers or texts as what they are, or values of a kind that is known.
pub(super) fn as_values(name: &str, values: ArrayRef, kind: Option<Kind>) -> Result<Values> {
    if let Some(kind) = kind {
        return Ok(Values::Typed(kind, values));
    }
    if let Some(numbers) = values.as_any().downcast_ref() {
        return Ok(Values::Numbers(arrow_array::Float64Array::clone(numbers)));
    }
    match values.as_any().downcast_ref() {
        Some(texts) => Ok(Values::Texts(LargeStringArray::clone(texts))),
        None => {
            let problem = format!("column {name:?} is of type {}", values.data_type());
            Err(DataError::request(problem, "Numbers and texts can be read"))
        }
    }
}
