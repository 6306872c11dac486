//! What `kamado train` says and keeps of private training, and `kamado privacy certificate`.

use std::path::Path;
use std::process::ExitCode;

use kamado_nn::model_file;
use kamado_privacy::ledger::LEDGER;
use kamado_privacy::{Certificate, Ledger};
use kamado_train::recipe::{Parts, Recipe};
use kamado_train::{Fit, PrivateFit};
use serde_json::Value;

use super::find;
use crate::failure::Failure;
use crate::say;

/// The key under which a model keeps the hash of the last line of its ledger.
pub(super) const HASH: &str = "privacy_ledger";

/// The plan of a recipe with `[privacy]`.
pub(super) fn plan(recipe: &Recipe, parts: &Parts, fit: &Fit<'_>) -> Result<Option<PrivateFit>, Failure> {
    let plan = recipe.privacy.as_ref().map(|privacy| privacy.fit(fit, parts.train.len()));
    // What the recipe asks for cannot be: wrong use, as any other mistake in it.
    plan.transpose().map_err(|error| Failure::usage(error, ""))
}

/// Says what is planned.
pub(super) fn introduce(private: &PrivateFit) {
    let plan = &private.plan;
    say::line(&format!(
        "Private: noise multiplier {:.4}, clip norm {} ({:?}), Poisson batches of {} on average, {} steps, delta {:e}",
        plan.noise_multiplier, plan.clip_norm, private.clipping, plan.divisor, plan.steps, plan.delta
    ));
    if private.entropy != kamado_privacy::Entropy::System {
        say::error_line("Warning: noise_seed is set, so the model is NOT PRIVATE");
    }
}

/// The certificate of what a directory holds now, and the hash that the model keeps.
pub(super) fn certificate_of_run(directory: &Path) -> Result<(Certificate, String), Failure> {
    let ledger = Ledger::open(&directory.join(LEDGER))?;
    Ok((Certificate::of(&ledger)?, ledger.last_hash().to_owned()))
}

/// Says what the run has cost.
pub(super) fn conclude(directory: &Path, certificate: &Certificate) {
    if certificate.private {
        let (epsilon, delta) = (certificate.epsilon.upper, certificate.delta);
        say::line(&format!("\nPrivate: epsilon is at most {epsilon:.4} at delta {delta:e}"));
    }
    certificate.warnings.iter().for_each(|warning| say::line(&format!("Warning: {warning}")));
    say::line(&format!("  kamado privacy certificate {}", directory.display()));
}

/// `kamado privacy certificate`
pub(super) fn certificate(wish: &Path, json: bool) -> Result<ExitCode, Failure> {
    let directory = if wish.is_dir() { wish } else { wish.parent().unwrap_or(Path::new("")) };
    let (path, model) = (directory.join(LEDGER), find::model_path(wish));
    let remembered = if model.is_file() { remembered(&model)? } else { None };
    if remembered.is_none() && (model.is_file() || !path.is_file()) {
        let problem = format!("{} was not trained privately: no ledger belongs to it", wish.display());
        return Err(Failure::run(problem, "give a model that was trained with a [privacy] table in its recipe"));
    }
    let ledger = Ledger::open(&path)?;
    let lines = match &remembered {
        None => ledger.entries().len(),
        Some(hash) => ledger.lines_until(hash).ok_or_else(|| {
            let problem = format!("{} is not the ledger of {}, or lacks its end", path.display(), model.display());
            Failure::run(problem, "put the ledger that the training wrote beside the model")
        })?,
    };
    let certificate = Certificate::at(&ledger, lines)?;
    if json {
        say::json(&certificate);
    } else {
        say::line(certificate.to_string().trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// The hash that a model keeps of its ledger.
fn remembered(model: &Path) -> Result<Option<String>, Failure> {
    Ok(model_file::load(model)?.extra.get(HASH).and_then(Value::as_str).map(str::to_owned))
}
