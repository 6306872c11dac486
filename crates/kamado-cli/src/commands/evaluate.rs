//! `kamado evaluate MODEL`

use std::process::ExitCode;

use kamado_train::Baseline;
use serde_json::json;

use super::describe::thousands;
use super::find;
use crate::args::EvaluateArgs;
use crate::failure::Failure;
use crate::run_dir;
use crate::say;

pub(crate) fn run(args: &EvaluateArgs) -> Result<ExitCode, Failure> {
    let (file, mut recipe) = find::model(&args.model)?;
    let beside = find::model_path(&args.model).with_file_name(run_dir::RECIPE);
    if args.data.is_none() && beside.is_file() {
        // The model file does not keep where the data were; the recipe beside it does.
        recipe.data.path = find::read_recipe(&beside)?.data.path;
    }
    find::set_data_path(&mut recipe.data, args.data.as_deref())?;
    let preprocessing = find::preprocessing(&file.preprocessing)?;
    let parts = recipe.data.load_with(recipe.train.seed, preprocessing.pipeline.as_deref())?;
    let trainer = find::trainer(&recipe, file.model)?.preprocessing(preprocessing);
    let test = trainer.evaluate(&parts.test)?;
    let baseline = Baseline::measure(&parts.train, &parts.test);
    if args.json {
        say::json(&json!({ "test": test, "baseline": baseline, "examples": parts.test.len() }));
    } else {
        say::line(&format!("Test ({} examples): {test}", thousands(parts.test.len())));
        if let Some(baseline) = baseline {
            say::line(&format!("Baseline: {baseline}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
