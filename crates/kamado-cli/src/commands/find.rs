//! From what the user wrote to a recipe or a model.

use std::fs;
use std::path::{Path, PathBuf};

use kamado_data::Preprocessing;
use kamado_nn::model::Model;
use kamado_nn::model_file::{self, ModelFile};
use kamado_train::recipe::{Builtin, DataConfig, Recipe, RecipeText, Source};
use kamado_train::{Metric, TrainError, Trainer};
use serde_json::{Value, json};

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
    let (name, read) = recipe_text(wish, &[])?;
    Ok((name, read.recipe))
}

/// The recipe that the user means, with settings changed and with its text, and a name for it.
pub(super) fn recipe_text(wish: &str, overrides: &[String]) -> Result<(String, RecipeText), Failure> {
    let path = Path::new(wish);
    if !path.exists() && !looks_like_a_file(path) {
        let builtin = builtin(wish)?;
        let file = format!("built-in recipe {}", builtin.name);
        return Ok((wish.to_owned(), RecipeText::read(&file, builtin.toml, overrides)?));
    }
    let name = path.file_stem().map_or_else(|| "recipe".into(), |stem| stem.to_string_lossy().into_owned());
    Ok((name, RecipeText::read(&path.display().to_string(), &read_text(path)?, overrides)?))
}

/// Whether this is meant to be a file, though it may not exist.
pub(super) fn looks_like_a_file(path: &Path) -> bool {
    path.extension().is_some() || path.components().count() > 1
}

/// Reads a recipe file.
pub(super) fn read_recipe(path: &Path) -> Result<Recipe, Failure> {
    Ok(Recipe::parse(&path.display().to_string(), &read_text(path)?)?)
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let help = "give the name of a built-in recipe (`kamado recipes`) or a TOML file";
    let metadata = fs::metadata(path).map_err(|e| Failure::usage(format!("cannot read {shown}: {e}"), help))?;
    if !metadata.is_file() || metadata.len() > LONGEST_RECIPE {
        return Err(Failure::usage(format!("{shown} is not a recipe: it is no file of at most 1 MiB"), help));
    }
    let bytes = fs::read(path).map_err(|e| Failure::usage(format!("cannot read {shown}: {e}"), help))?;
    String::from_utf8(bytes)
        .map_err(|e| Failure::usage(format!("{shown} is not a recipe: it is not UTF-8 text ({e})"), help))
}

/// The model file that the user means: itself, or the one in a directory of a run.
pub(super) fn model_path(wish: &Path) -> PathBuf {
    if wish.is_dir() { wish.join(run_dir::MODEL) } else { wish.to_owned() }
}

/// A model file and the recipe in it.
pub(super) fn model(wish: &Path) -> Result<(ModelFile, Recipe), Failure> {
    let path = model_path(wish);
    let file = model_file::load(&path)?;
    let recipe = file.extra.get("recipe").cloned().unwrap_or_default();
    let recipe = serde_json::from_value(recipe).map_err(|error| {
        let problem = format!("{} does not say how it was trained: {error}", path.display());
        Failure::run(problem, "give a model that `kamado train` wrote")
    })?;
    Ok((file, recipe))
}

/// What a model file keeps so that the model can be measured and used: the recipe, without what is of one machine only,
/// so that the same training gives the same file everywhere.
pub(super) fn extra(recipe: &Recipe) -> Value {
    let mut recipe = recipe.clone();
    recipe.data.path = None;
    recipe.train.threads = 0;
    json!({ "recipe": recipe })
}

/// Lets the data be read from `path`, if there is one.
pub(super) fn set_data_path(data: &mut DataConfig, path: Option<&Path>) -> Result<(), Failure> {
    match path {
        Some(_) if data.source == Source::Digits => {
            Err(Failure::usage("--data has no effect: the digits are part of this program", "leave it out"))
        }
        Some(path) => {
            data.path = Some(path.to_owned());
            Ok(())
        }
        None => Ok(()),
    }
}

/// A trainer of this model with loss, optimiser and metrics of the recipe.
pub(super) fn trainer(recipe: &Recipe, model: Model) -> Result<Trainer, TrainError> {
    let mut trainer = Trainer::new(model, recipe.train.optimizer.clone(), recipe.train.loss.clone())?;
    for name in &recipe.train.metrics {
        trainer = trainer.metric(name.parse::<Metric>()?);
    }
    Ok(trainer)
}

/// The preprocessing in a model file.
pub(super) fn preprocessing(kept: &Value) -> Result<Preprocessing, Failure> {
    serde_json::from_value(kept.clone()).map_err(|error| {
        let problem = format!("the preprocessing in the model file cannot be read: {error}");
        Failure::run(problem, "give a model that `kamado train` wrote")
    })
}
