//! From what the user wrote to a recipe or a model.

use std::fs;
use std::path::{Path, PathBuf};

use kamado_train::recipe::{Builtin, Recipe};

use crate::failure::Failure;
use crate::run_dir;

/// No recipe is longer, in bytes; what is longer is not a recipe and is not read.
const LONGEST_RECIPE: u64 = 1 << 20;

/// The built-in recipe of this name.
pub(super) fn builtin(name: &str) -> Result<&'static Builtin, Failure> {
    Builtin::find(name).ok_or_else(|| {
        let near = Builtin::closest(name).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        Failure::usage(format!("there is no recipe `{name}`"), format!("{near}`kamado recipes` lists them"))
    })
}

/// The recipe that the user means, and a name for it.
pub(super) fn recipe(wish: &str) -> Result<(String, Recipe), Failure> {
    let path = Path::new(wish);
    if !path.exists() && !looks_like_a_file(path) {
        return Ok((wish.to_owned(), builtin(wish)?.recipe()?));
    }
    let name = path.file_stem().map_or_else(|| "recipe".into(), |stem| stem.to_string_lossy().into_owned());
    Ok((name, read_recipe(path)?))
}

/// Whether this is meant to be a file, though it may not exist.
pub(super) fn looks_like_a_file(path: &Path) -> bool {
    path.extension().is_some() || path.components().count() > 1
}

/// Reads a recipe file.
pub(super) fn read_recipe(path: &Path) -> Result<Recipe, Failure> {
    let shown = path.display();
    let help = "give the name of a built-in recipe (`kamado recipes`) or a TOML file";
    let metadata = fs::metadata(path).map_err(|e| Failure::usage(format!("cannot read {shown}: {e}"), help))?;
    if !metadata.is_file() || metadata.len() > LONGEST_RECIPE {
        return Err(Failure::usage(format!("{shown} is not a recipe: it is no file of at most 1 MiB"), help));
    }
    let bytes = fs::read(path).map_err(|e| Failure::usage(format!("cannot read {shown}: {e}"), help))?;
    let text = String::from_utf8(bytes)
        .map_err(|e| Failure::usage(format!("{shown} is not a recipe: it is not UTF-8 text ({e})"), help))?;
    Ok(Recipe::parse(&shown.to_string(), &text)?)
}

/// The model file that the user means: itself, or the one in a directory of a run.
pub(super) fn model_file(wish: &Path) -> PathBuf {
    if wish.is_dir() { wish.join(run_dir::MODEL) } else { wish.to_owned() }
}
