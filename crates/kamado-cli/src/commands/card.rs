//! `kamado card MODEL`

use std::path::Path;
use std::process::ExitCode;

use kamado_explain::card::{Records, card};
use kamado_nn::model_file::{self, write_atomically};
use serde_json::Value;

use super::find;
use crate::args::explain::CardArgs;
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &CardArgs) -> Result<ExitCode, Failure> {
    let path = find::model_path(&args.model);
    let file = model_file::load(&path)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    let records = Records { history: record(&dir.join("history.json"))?, run: record(&dir.join("run.json"))? };
    let title = format!("Model card of {}", args.model.display());
    write_atomically(&args.out, card(&title, &file, &records)?.as_bytes())?;
    say::line(&format!("{}: fill in what is not said yet", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// What training wrote beside the model; nothing if it is not there.
fn record(path: &Path) -> Result<Value, Failure> {
    let Ok(bytes) = std::fs::read(path) else { return Ok(Value::Null) };
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::run(format!("{} cannot be read: {error}", path.display()), "remove it, or train the model again")
    })
}
