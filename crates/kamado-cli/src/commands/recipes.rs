//! `kamado recipes [NAME]`

use std::process::ExitCode;

use kamado_train::recipe::BUILTIN;

use super::find::builtin;
use crate::args::RecipesArgs;
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &RecipesArgs) -> Result<ExitCode, Failure> {
    match &args.name {
        Some(name) => say::line(builtin(name)?.toml.trim_end()),
        None => {
            BUILTIN.iter().for_each(|recipe| say::line(&format!("{:12} {}", recipe.name, recipe.about)));
            say::line("\nTo start from one: kamado recipes digits > mine.toml");
        }
    }
    Ok(ExitCode::SUCCESS)
}
