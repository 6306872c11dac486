//! `kamado check RECIPE` and `kamado schema`

use std::process::ExitCode;

use kamado_train::TrainError;
use kamado_train::recipe::{Recipe, RecipeText, json_schema};

use super::describe::{data_line, thousands};
use super::{find, train};
use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::say;

/// So many defaults are listed; the rest is a number.
const LISTED: usize = 6;

pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let (name, text) = find::recipe_text(&args.recipe, &args.overrides)?;
    let mut recipe = text.recipe.clone();
    find::set_data_path(&mut recipe.data, args.data.as_deref())?;
    let (found, warnings) = if args.no_data { without_data(&recipe, &text)? } else { with_data(&recipe, &text)? };
    if args.full {
        say::line(recipe.to_toml().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    say::line(&format!("{name}: no mistake was found\n{found}"));
    if !warnings.is_empty() {
        say::line(&format!("\nTo consider:\n{warnings}"));
    }
    let defaults = text.defaults();
    let more = if defaults.len() > LISTED { ", …" } else { "" };
    let listed = defaults.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    say::line(&format!(
        "{} settings are left at their defaults: {listed}{more}\n`kamado check {} --full` shows every setting.",
        defaults.len(),
        args.recipe
    ));
    Ok(ExitCode::SUCCESS)
}

/// What can be told without examples: whether the model, the loss and the optimiser are possible.
fn without_data(recipe: &Recipe, text: &RecipeText) -> Result<(String, String), Failure> {
    if recipe.data.source.is_raw() {
        return Ok(("The model follows from the data, which were not read.".to_owned(), String::new()));
    }
    let spec = recipe.model_spec_for(&recipe.data.inputs()?);
    let graph = spec.training_graph(&recipe.training_spec());
    graph.map_err(|error| located(error.into(), text))?;
    Ok((weights(&spec.variables().map_err(|error| located(error.into(), text))?), String::new()))
}

fn with_data(recipe: &Recipe, text: &RecipeText) -> Result<(String, String), Failure> {
    let parts = recipe.data.load(recipe.train.seed)?;
    let trainer = train::ready(recipe, &parts).map_err(|error| located(error, text))?;
    let graph = trainer.model().training_graph(&recipe.training_spec());
    graph.map_err(|error| located(error.into(), text))?;
    let infos: Vec<_> = trainer.model().variables.iter().map(|variable| variable.info.clone()).collect();
    let report = trainer.preflight(&parts.train, &train::fit(recipe, &parts))?;
    Ok((format!("{}\n{}", data_line(&parts), weights(&infos)), text.show(&report)))
}

fn weights(variables: &[kamado_train::VariableInfo]) -> String {
    let count = variables.iter().map(|variable| variable.shape.iter().product::<usize>()).sum();
    format!("Model: {} weights and moving statistics", thousands(count))
}

fn located(error: TrainError, text: &RecipeText) -> Failure {
    train::located(error, Some(text))
}

pub(crate) fn schema() -> Result<ExitCode, Failure> {
    say::line(&serde_json::to_string_pretty(&json_schema()).unwrap_or_default());
    Ok(ExitCode::SUCCESS)
}
