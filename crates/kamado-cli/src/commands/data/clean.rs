//! `kamado data clean PATH…`

use std::path::{Path, PathBuf};

use kamado_data::clean::{BadRow, Cleaner};
use kamado_data::table::TableConfig;
use kamado_nn::model_file::write_atomically;

use super::super::describe::thousands;
use crate::args::data::ReadArgs;
use crate::failure::Failure;
use crate::say;

pub(super) fn run(args: &ReadArgs, label: Option<&str>, config: Option<&Path>, out: &Path) -> Result<(), Failure> {
    let config = config.map_or_else(|| Ok(TableConfig::default()), read_config)?;
    let mut read = super::table(args)?;
    let cleaned = Cleaner::fit(&read.frame, &config, label)?.clean(&read.frame)?;
    let before = read.frame.rows() + read.quarantine.len();
    read.quarantine.extend(cleaned.quarantine);
    super::write(&cleaned.frame, out)?;
    let beside = quarantine_path(out);
    write_atomically(&beside, lines(&read.quarantine).as_bytes())?;
    let (kept, aside) = (thousands(cleaned.frame.rows()), thousands(read.quarantine.len()));
    say::line(&format!("{kept} of {} rows are clean, written to {}", thousands(before), out.display()));
    say::line(&format!("{aside} rows put aside, with reasons in {}", beside.display()));
    Ok(())
}

fn read_config(path: &Path) -> Result<TableConfig, Failure> {
    let shown = path.display();
    let help = "see `kamado data clean --help`";
    let text = std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("cannot read {shown}: {e}"), help))?;
    toml::from_str(&text).map_err(|e| Failure::usage(format!("{shown} does not say how to clean: {e}"), help))
}

/// `clean.csv` has `clean.csv.quarantine.jsonl` beside it.
fn quarantine_path(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".quarantine.jsonl");
    out.with_file_name(name)
}

fn lines(rows: &[BadRow]) -> String {
    // Rows are made of texts, which JSON has.
    rows.iter().map(|row| serde_json::to_string(row).unwrap_or_default() + "\n").collect()
}
