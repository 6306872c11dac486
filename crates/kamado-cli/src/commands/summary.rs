//! `kamado summary RECIPE|MODEL`

use std::path::Path;
use std::process::ExitCode;

use super::find;
use crate::args::SummaryArgs;
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &SummaryArgs) -> Result<ExitCode, Failure> {
    let path = Path::new(&args.of);
    let is_model = path.is_dir() || path.extension().is_some_and(|extension| extension == "safetensors");
    let (spec, recipe) = if is_model {
        let (file, recipe) = find::model(path)?;
        (file.model.spec, recipe)
    } else {
        let (_, recipe) = find::recipe(&args.of)?;
        (recipe.model_spec_for(&recipe.data.inputs()?), recipe)
    };
    say::line(spec.summary(Some(&recipe.train.optimizer))?.trim_end());
    Ok(ExitCode::SUCCESS)
}
