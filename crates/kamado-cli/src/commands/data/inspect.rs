//! `kamado data inspect PATH…`

use kamado_data::report::{ColumnSummary, Details, Summary};
use serde_json::json;

use super::super::describe::thousands;
use crate::args::data::ReadArgs;
use crate::failure::Failure;
use crate::say;

/// How many categories are named in a line.
const NAMED: usize = 4;

pub(super) fn run(args: &ReadArgs, label: Option<&str>, json: bool) -> Result<(), Failure> {
    let read = super::table(args)?;
    let summary = Summary::of(&read.frame, label)?;
    if json {
        say::json(&json!({ "summary": summary, "quarantine": read.quarantine, "notes": read.notes }));
        return Ok(());
    }
    let (rows, columns) = (thousands(summary.rows), summary.columns.len());
    say::line(&format!(
        "{rows} rows, {columns} columns, {} rows equal to an earlier one",
        thousands(summary.duplicates)
    ));
    let width = |name: &str| name.chars().count();
    let widest = summary.columns.iter().map(|column| width(&column.name)).max().unwrap_or(0).clamp(6, 30);
    say::line(&format!("\n{:widest$}  {:8}  {:>9}  {:>9}  values", "column", "kind", "missing", "different"));
    for column in &summary.columns {
        let name: String = if width(&column.name) > widest {
            column.name.chars().take(widest - 1).chain(['…']).collect()
        } else {
            column.name.clone()
        };
        let distinct = column.distinct.map_or_else(String::new, thousands);
        let (kind, missing, values) = (column.kind, thousands(column.missing), values(column, summary.rows));
        say::line(&format!("{name:widest$}  {kind:8}  {missing:>9}  {distinct:>9}  {values}"));
    }
    for (heading, lines) in [("Look at this before training:", &summary.warnings), ("Read so:", &read.notes)] {
        if !lines.is_empty() {
            say::line(&format!("\n{heading}"));
            lines.iter().for_each(|line| say::line(&format!("- {line}")));
        }
    }
    super::tell_quarantine(&read);
    Ok(())
}

/// What a column holds, in one line.
fn values(column: &ColumnSummary, rows: usize) -> String {
    match &column.details {
        Details::Numbers { min, max, mean, std, .. } => {
            format!("{} to {}, mean {}, std {}", short(*min), short(*max), short(*mean), short(*std))
        }
        Details::Categories { most_frequent, .. } => {
            let known = (rows - column.missing).max(1) as f64;
            let name = |(name, count): &(String, usize)| {
                let name: String = name.chars().take(24).collect();
                format!("{name} {:.1} %", 100.0 * *count as f64 / known)
            };
            let named: Vec<String> = most_frequent.iter().take(NAMED).map(name).collect();
            let more = if column.distinct > Some(NAMED) { ", …" } else { "" };
            named.join(", ") + more
        }
        Details::Texts { shortest, longest, mean_length, .. } => {
            format!("{shortest} to {longest} characters, {mean_length:.0} on average")
        }
        Details::Dates { .. } => String::new(),
        Details::Media { examples } => examples.first().cloned().unwrap_or_default(),
        Details::Tensor { shape } => format!("arrays of shape {shape:?}"),
        Details::Nothing {} => "none".to_owned(),
    }
}

/// Four digits, or all of a whole number.
fn short(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e9 {
        format!("{value}")
    } else if (1e-3..1e6).contains(&size) {
        let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.3e}")
    }
}
