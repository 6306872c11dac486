//! `kamado explain MODEL --data FILE --global`, `--counterfactual` and `--shortcuts`: what takes many rows or pictures.

use std::path::PathBuf;
use std::process::ExitCode;

use kamado_data::Frame;
use kamado_explain::counterfactual::{self, Counterfactual, Wish, counterfactual};
use kamado_explain::global::{self, Global};
use kamado_explain::shortcuts::{self, shortcuts};
use kamado_explain::{Method, Request, Sample};
use kamado_nn::model_file::write_atomically;
use serde_json::json;

use super::explain::{Desk, free_dir};
use crate::failure::Failure;
use crate::say;

/// How many reasons are given, as lenders must.
const REASONS: usize = 4;
/// How many pairs of columns are told.
const PAIRS: usize = 3;

impl Desk<'_> {
    /// What the model does over all rows.
    pub(super) fn global(&mut self) -> Result<ExitCode, Failure> {
        let frame = self.seen()?;
        let args = self.args;
        let global = Global::of(&mut self.explainer, &self.reader, &frame, args.target.as_deref(), args.seed)?;
        if args.json {
            say::json(&global);
        } else {
            tell(&global);
        }
        if args.json && args.out.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
        let dir = self.free_dir()?;
        let page = dir.join("global.html");
        let title = format!("What {} does", args.model.display());
        write_atomically(&page, global::html(&title, &global).as_bytes())?;
        write_atomically(&dir.join("global.json"), json!(global).to_string().as_bytes())?;
        if !args.json {
            say::line(&format!("open {}", page.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What would have to change in each row of each file, and why it got its answer.
    pub(super) fn counterfactuals(&mut self) -> Result<ExitCode, Failure> {
        let seen = self.seen()?;
        let args = self.args;
        let wish = Wish { target: args.target.clone(), immutable: args.immutable.clone() };
        for input in &args.inputs {
            let frame = self.reader.frame(input.as_ref())?;
            for row in 0..frame.rows() {
                let rows = (&frame, row);
                let found = counterfactual(&mut self.explainer, &self.reader, rows, &seen, &wish)?;
                let reasons = self.reasons(&frame, row, &seen, found.target)?;
                let place = frame.place(row);
                if args.json {
                    say::json(&json!({ "input": place, "counterfactual": found, "reasons": reasons }));
                } else {
                    self.tell_changes(&place, &found, &reasons);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Groups of pictures by where their answers rest.
    pub(super) fn shortcuts(&mut self) -> Result<ExitCode, Failure> {
        let mut code = ExitCode::SUCCESS;
        let examples = self.examples(&mut code)?;
        let Some(first) = examples.first() else { return Ok(code) };
        let args = self.args;
        let method = self.methods(first)?.first().copied().unwrap_or(Method::IntegratedGradients);
        let request = Request { checks: false, ..self.request(method, first)? };
        let samples: Vec<Sample> = examples.iter().map(|example| example.sample.clone()).collect();
        let groups = shortcuts(&self.explainer.explain(&samples, &request)?, args.seed)?;
        if args.json {
            say::json(&groups);
        }
        for group in groups.iter().filter(|_| !args.json) {
            let (n, (row, column)) = (group.members.len(), group.peak);
            let word = if group.suspicious { "  LOOK AT THIS" } else { "" };
            let place = format!("row {} and column {} of 8", row + 1, column + 1);
            say::line(&format!("{n} pictures rest on {place}, suspicion {:.1}{word}", group.suspicion));
        }
        if args.json && args.out.is_none() {
            return Ok(code);
        }
        let dir = self.free_dir()?;
        let places: Vec<String> = examples.iter().map(|example| example.place.clone()).collect();
        let title = format!("Where the answers of {} rest", args.model.display());
        let page = dir.join("shortcuts.html");
        let html = shortcuts::html(&title, &groups, &places, self.explainer.labels());
        write_atomically(&page, html.as_bytes())?;
        if !args.json {
            say::line(&format!("open {}", page.display()));
        }
        Ok(code)
    }

    /// The directory to write to, made.
    fn free_dir(&self) -> Result<PathBuf, Failure> {
        let dir = self.args.out.clone().map_or_else(|| free_dir(&self.args.model), Ok)?;
        let help = "choose another directory with --out";
        std::fs::create_dir_all(&dir)
            .map_err(|error| Failure::run(format!("cannot make {}: {error}", dir.display()), help))?;
        Ok(dir)
    }

    fn seen(&self) -> Result<Frame, Failure> {
        let none = || Failure::usage("there are no rows", "give --data FILE");
        Ok(self.reader.frame(self.args.data.as_deref().ok_or_else(none)?)?)
    }

    /// The columns that speak most against the wished answer, against the background of rows that were seen.
    fn reasons(&mut self, frame: &Frame, row: usize, seen: &Frame, target: usize) -> Result<Vec<String>, Failure> {
        let Some(example) = self.reader.rows(&frame.take(&[row])?)?.pop() else { return Ok(Vec::new()) };
        let some = seen.rows().min(50);
        let background: Vec<usize> = (0..some).map(|i| i * seen.rows() / some).collect();
        let request = Request {
            target: Some(target.to_string()),
            baselines: self.reader.samples(&seen.take(&background)?)?,
            groups: example.groups.clone(),
            samples: Some(512),
            seed: self.args.seed,
            checks: false,
            ..Request::new(Method::KernelShap)
        };
        let why = self.explainer.explain(std::slice::from_ref(&example.sample), &request)?;
        let attributions = why.first().map(|why| example.attributions(why)).unwrap_or_default();
        Ok(counterfactual::reasons(&example.features, &attributions, REASONS))
    }

    fn tell_changes(&self, place: &str, found: &Counterfactual, reasons: &[String]) {
        let label = self.explainer.labels().get(found.target).map_or("the other answer", String::as_str);
        say::line(&format!("{place}: {label} has {:.3}", found.output));
        say::line(&format!("  reasons against it: {}", reasons.join("; ")));
        match (found.reached, &found.changes[..]) {
            (true, []) => say::line("  it is the answer already"),
            (false, _) => say::line(&format!(
                "  no change of the columns that may change leads there; the best reaches {:.3}",
                found.changed_output
            )),
            (true, changes) => {
                let changes: Vec<String> =
                    changes.iter().map(|c| format!("{}: {} → {}", c.column, c.from, c.to)).collect();
                say::line(&format!(
                    "  with {:.3} it would be the answer: {}",
                    found.changed_output,
                    changes.join("; ")
                ));
            }
        }
    }
}

fn tell(global: &Global) {
    say::line(&format!("{} rows, {} {:.4}; without a column it loses", global.rows, global.metric, global.score));
    for column in &global.importance {
        say::line(&format!("  {:<24} {:+.4} ± {:.4}", column.column, column.loss, column.error));
    }
    for pair in global.interaction.iter().take(PAIRS) {
        say::line(&format!(
            "{} and {}: {:.0} % of their effect is no sum",
            pair.first,
            pair.second,
            100.0 * pair.strength
        ));
    }
}
