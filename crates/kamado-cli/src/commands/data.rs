//! `kamado data`

mod clean;
mod convert;
mod inspect;
mod preview;
mod report;
mod split;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use kamado_data::readers::{Header, Read, ReadOptions, read, write_parquet_shards};
use kamado_data::{Frame, Kind, write_csv};
use kamado_nn::model_file::write_atomically;

use crate::args::data::{DataArgs, DataTask, ReadArgs};
use crate::failure::Failure;
use crate::say;

/// How many rows a Parquet file gets where the user does not say.
const ROWS_PER_FILE: usize = 100_000;

pub(crate) fn run(args: &DataArgs) -> Result<ExitCode, Failure> {
    match &args.task {
        DataTask::Inspect { read, label, json } => inspect::run(read, label.as_deref(), *json)?,
        DataTask::Report { read, label, out } => report::run(read, label.as_deref(), out)?,
        DataTask::Clean { read, label, config, out } => clean::run(read, label.as_deref(), config.as_deref(), out)?,
        DataTask::Split { .. } => split::run(&args.task)?,
        DataTask::Preview { read, augment, count, seed, out } => {
            preview::run(read, augment.as_deref(), *count as usize, *seed, out)?;
        }
        DataTask::Convert { read, out, rows_per_shard, embed } => {
            convert::run(read, out, *rows_per_shard as usize, *embed)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads what the user means, and what was decided on the way.
fn table(args: &ReadArgs) -> Result<Read, Failure> {
    let kinds = args.kinds.iter().map(|text| kind(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let options = ReadOptions {
        paths: args.paths.clone(),
        delimiter: args.delimiter,
        header: match args.header.as_str() {
            "yes" => Header::Yes,
            "no" => Header::No,
            _ => Header::Auto,
        },
        names: args.names.clone(),
        encoding: args.encoding.clone(),
        comment: args.comment,
        kinds,
        path_pattern: args.path_pattern.clone(),
        ..ReadOptions::default()
    };
    Ok(read(&options)?)
}

/// `age=number`
fn kind(text: &str) -> Result<(String, Kind), Failure> {
    let kinds = [Kind::Number, Kind::Category, Kind::Text, Kind::Date, Kind::Image, Kind::Audio];
    let (name, word) = text.rsplit_once('=').unwrap_or((text, ""));
    match kinds.into_iter().find(|kind| kind.word() == word) {
        Some(kind) => Ok((name.to_owned(), kind)),
        None => {
            let help = "write COLUMN=KIND, where KIND is number, category, text, date, image or audio";
            Err(Failure::usage(format!("--kind {text:?} is not understood"), help))
        }
    }
}

/// Writes a table, whole or not at all: as CSV if the name ends so, otherwise as Parquet files in a directory.
fn write(frame: &Frame, out: &Path) -> Result<(), Failure> {
    if out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
        let mut bytes = Vec::new();
        write_csv(frame, &mut bytes)?;
        return Ok(write_atomically(out, &bytes)?);
    }
    write_parquet_shards(frame, out, ROWS_PER_FILE, None)?;
    Ok(())
}

/// Tells how many rows were put aside, and the first of them.
fn tell_quarantine(read: &Read) {
    if let Some(first) = read.quarantine.first() {
        let n = read.quarantine.len();
        say::error_line(&format!("{n} rows put aside, the first: {}: {}", first.place, first.reason));
    }
}
