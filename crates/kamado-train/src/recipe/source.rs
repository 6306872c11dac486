//! A recipe with the text that it was read from, so that whatever turns out wrong later can be shown where it stands.

use kamado_nn::NnError;

use super::error::RecipeError;
use super::overrides;
use super::schema::Document;
use super::{Recipe, tables};
use crate::preflight::{Finding, Report};

/// A recipe with its text.
#[derive(Clone, Debug)]
pub struct RecipeText {
    /// What it says.
    pub recipe: Recipe,
    file: String,
    text: String,
}

impl RecipeText {
    /// Reads a recipe as [`Recipe::parse`] does, and changes settings as `KEY=VALUE` says, such as `train.epochs=3`.
    ///
    /// # Errors
    /// As [`Recipe::parse`]; if an override names no place in the recipe, or gives a value that cannot be.
    pub fn read(file: &str, text: &str, overrides: &[String]) -> Result<Self, RecipeError> {
        let mut recipe = Recipe::parse(file, text)?;
        let mut changed = text.to_owned();
        for wish in overrides {
            changed = overrides::apply(&changed, wish)?;
            recipe = Recipe::parse(file, &changed).map_err(|error| overrides::blame(wish, error))?;
        }
        Ok(RecipeText { recipe, file: file.to_owned(), text: text.to_owned() })
    }

    /// What is wrong at the key `path`, such as `train.loss`; at the nearest key around it if it is not written.
    pub fn error_at(&self, path: &str, problem: impl Into<String>, help: impl Into<String>) -> RecipeError {
        let document = Document::new(&self.file, &self.text);
        // The text was read before, so only the places of its keys are of interest.
        let _ = document.read(tables::RECIPE);
        document.error(document.nearest(path), problem.into(), help)
    }

    /// The settings that the text leaves at their defaults: `train.seed = 0`.
    pub fn defaults(&self) -> Vec<String> {
        let read = |text: &str| text.parse::<toml::Table>().map(toml::Value::Table);
        let (Ok(written), Ok(full)) = (read(&self.text), read(&self.recipe.to_toml())) else { return Vec::new() };
        let mut left = Vec::new();
        unwritten("", Some(&written), &full, &mut left);
        left
    }

    /// Every finding, where it stands.
    pub fn show(&self, report: &Report) -> String {
        let shown = |finding: &Finding| {
            let path = finding.place.split(' ').next().unwrap_or_default();
            let path = if path.contains('.') { path } else { "data.source" };
            self.error_at(path, format!("{}: {}", finding.place, finding.what), &*finding.remedy).to_string()
        };
        report.findings.iter().map(shown).collect::<Vec<_>>().join("\n\n")
    }

    /// What is wrong with the model, the loss or the optimiser, where it stands.
    pub fn show_model_error(&self, error: &NnError) -> RecipeError {
        let path = match error {
            NnError::Layer { index, .. } => format!("model.layers[{index}]"),
            NnError::Loss { .. } => "train.loss".to_owned(),
            NnError::Optimizer { place, .. } => {
                let setting = place.strip_prefix(self.recipe.train.optimizer.name()).unwrap_or(place);
                format!("train.optimizer.{}", setting.trim_start_matches('.'))
            }
            _ => "model.layers".to_owned(),
        };
        let help = match error {
            NnError::Layer { .. } => "mend this layer or the one before it; `kamado summary RECIPE` shows the shapes",
            _ => "change this setting; `kamado check RECIPE --full` shows all of them",
        };
        self.error_at(&path, error.to_string(), help)
    }
}

/// What `full` has and `written` has not.
fn unwritten(path: &str, written: Option<&toml::Value>, full: &toml::Value, left: &mut Vec<String>) {
    match (written, full) {
        // `"adam"` stands for a table of its settings.
        (written @ (None | Some(toml::Value::Table(_) | toml::Value::String(_))), toml::Value::Table(full)) => {
            let written = written.and_then(toml::Value::as_table);
            for (key, value) in full.iter().filter(|(key, _)| *key != "type") {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                unwritten(&path, written.and_then(|table| table.get(key)), value, left);
            }
        }
        (Some(toml::Value::Array(written)), toml::Value::Array(full)) => {
            for (i, (written, full)) in written.iter().zip(full).enumerate() {
                unwritten(&format!("{path}[{i}]"), Some(written), full, left);
            }
        }
        (None, full) => left.push(format!("{path} = {full}")),
        _ => {}
    }
}
