//! `kamado train RECIPE`

use std::path::{Path, absolute};
use std::process::ExitCode;
use std::time::Duration;

use kamado_nn::model::{Model, Seed};
use kamado_nn::model_file::{self, ModelFile, write_atomically};

use kamado_privacy::ledger::LEDGER;
use kamado_train::checkpoint::{self, Checkpoint, Checkpointing, Skipped};
use kamado_train::logs::{EpochLog, LogFormat, TensorBoard};
use kamado_train::recipe::{Parts, Recipe, RecipeText, Source};
use kamado_train::{
    Baseline, Callback, DataRecord, Evaluation, Fit, History, Machine, RunRecord, TrainError, Trainer, run,
};
use serde_json::json;

use super::describe::{data_line, thousands};
use super::{find, private};
use crate::args::TrainArgs;
use crate::failure::Failure;
use crate::interrupt::{self, INTERRUPTED};
use crate::progress::Progress;
use crate::run_dir::{self, RunDir};
use crate::say;

pub(crate) fn run(args: &TrainArgs) -> Result<ExitCode, Failure> {
    let resume = args.resume.as_deref().map(checkpoint).transpose()?;
    let (name, mut recipe, text) = match (&args.recipe, &resume) {
        (None, Some(checkpoint)) => ("run".to_owned(), recipe_of(checkpoint)?, None),
        (wish, _) => {
            let (name, text) = find::recipe_text(wish.as_deref().unwrap_or_default(), &args.overrides)?;
            (name, text.recipe.clone(), Some(text))
        }
    };
    override_with(&mut recipe, args)?;
    let parts = recipe.data.load(recipe.train.seed)?;
    let mut trainer = ready(&recipe, &parts).map_err(|error| located(error, text.as_ref()))?;
    let baseline = Baseline::measure(&parts.train, &parts.test);
    let mut private = private::plan(&recipe, &parts, &fit(&recipe, &parts))?;
    if !args.json {
        introduce(&recipe, &trainer, &parts, baseline.as_ref())?;
        private.iter().for_each(private::introduce);
    }
    if let Some(checkpoint) = &resume {
        say_resumed(checkpoint, args.json);
    }
    let directory =
        args.out.as_deref().or(args.resume.as_deref()).map_or_else(|| RunDir::numbered(&name), RunDir::at)?;
    let stop = interrupt::watch()?;
    let fitted = {
        let mut progress = Progress::new(args.json);
        let mut others = callbacks(&recipe, &directory);
        let mut callbacks: Vec<&mut dyn Callback> = vec![&mut progress];
        for other in &mut others {
            callbacks.push(other.as_mut());
        }
        let fit = Fit { stop, callbacks, resume, ..fit(&recipe, &parts) };
        match &mut private {
            None => trainer.fit(&parts.train, Fit { checkpoint: Some(checkpointing(&directory, &recipe)), ..fit }),
            Some(private) => {
                private.ledger = Some(directory.file(LEDGER));
                trainer.fit_private(&parts.train, fit, private)
            }
        }
    };
    let mut history = fitted.inspect_err(|_| directory.abandon())?;
    if !history.interrupted {
        history.test = Some(trainer.evaluate(&parts.test)?);
    }
    let record = record(&recipe, &trainer, &parts, baseline);
    if !parts.quarantine.is_empty() {
        say_quarantine(&directory, &parts)?;
    }
    let certificate = private.map(|_| private::certificate_of_run(directory.path())).transpose()?;
    let saved =
        save(&directory, &recipe, &trainer, &parts, &history, &record, certificate.as_ref().map(|(_, hash)| hash));
    saved.inspect_err(|_| directory.abandon())?;
    if args.json {
        let mut result = json!({
            "test": history.test, "baseline": record.baseline, "interrupted": history.interrupted, "stopped": history.stopped,
            "out": directory.path(), "model": directory.file(run_dir::MODEL),
        });
        if let (Some((certificate, _)), Some(result)) = (&certificate, result.as_object_mut()) {
            result.insert("privacy".to_owned(), json!(certificate));
        }
        say::json(&result);
    } else {
        conclude(&directory, &parts, &history, record.baseline.as_ref());
        certificate.iter().for_each(|(certificate, _)| private::conclude(directory.path(), certificate));
    }
    Ok(if history.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// The newest usable checkpoint of a run, after saying which are not usable.
fn checkpoint(directory: &Path) -> Result<Checkpoint, Failure> {
    let (checkpoint, skipped) = Checkpoint::newest(directory)?;
    for Skipped { problem, .. } in skipped {
        say::error_line(&format!("warning: {problem}; going on from the checkpoint before it"));
    }
    Ok(checkpoint)
}

/// The recipe in a checkpoint.
fn recipe_of(checkpoint: &Checkpoint) -> Result<Recipe, Failure> {
    serde_json::from_value(checkpoint.file().extra["recipe"].clone()).map_err(|error| {
        let problem = format!("{} does not say how it was trained: {error}", checkpoint.path().display());
        Failure::run(problem, "give the recipe too: `kamado train RECIPE --resume DIR`")
    })
}

fn say_resumed(checkpoint: &Checkpoint, json: bool) {
    let ((epoch, step), steps) = (checkpoint.position(), checkpoint.steps());
    let path = checkpoint.path().display();
    if !json {
        say::line(&format!(
            "Going on after step {step} of epoch {epoch} ({} steps in all), from {path}",
            thousands(steps as usize)
        ));
    }
}

fn checkpointing(directory: &RunDir, recipe: &Recipe) -> Checkpointing {
    let (folder, config) = (directory.file(checkpoint::FOLDER), recipe.train.checkpoint.clone());
    Checkpointing { folder, config, extra: json!({ "recipe": recipe }) }
}

/// What the recipe asks for besides progress.
fn callbacks(recipe: &Recipe, directory: &RunDir) -> Vec<Box<dyn Callback>> {
    let mut callbacks: Vec<Box<dyn Callback>> = Vec::new();
    for log in &recipe.train.log {
        callbacks.push(match log {
            LogFormat::Csv => Box::new(EpochLog::csv(directory.file(run_dir::CSV))),
            LogFormat::Jsonl => Box::new(EpochLog::jsonl(directory.file(run_dir::JSONL))),
            LogFormat::Tensorboard => Box::new(TensorBoard::new(directory.file(run_dir::TENSORBOARD))),
        });
    }
    let train = &recipe.train;
    callbacks.extend(train.reduce_on_plateau.clone().map(|one| Box::new(one) as Box<dyn Callback>));
    callbacks.extend(train.stop_when.clone().map(|one| Box::new(one) as Box<dyn Callback>));
    callbacks.extend(train.early_stopping.clone().map(|one| Box::new(one) as Box<dyn Callback>));
    callbacks
}

fn override_with(recipe: &mut Recipe, args: &TrainArgs) -> Result<(), Failure> {
    find::set_data_path(&mut recipe.data, args.data.as_deref())?;
    // The recipe beside the model has to find the data from anywhere.
    if let Some(path) = recipe.data.path.as_mut().filter(|_| recipe.data.source != Source::Digits) {
        *path = absolute(&path).map_err(|e| Failure::usage(format!("{}: {e}", path.display()), ""))?;
    }
    let train = &mut recipe.train;
    for (setting, wish) in
        [(&mut train.epochs, args.epochs), (&mut train.batch_size, args.batch_size), (&mut train.threads, args.threads)]
    {
        *setting = wish.map_or(*setting, |wish| wish as usize);
    }
    train.seed = args.seed.unwrap_or(train.seed);
    Ok(())
}

/// The trainer of a recipe, with new weights.
pub(super) fn trainer(recipe: &Recipe, parts: &Parts) -> Result<Trainer, TrainError> {
    let model = Model::new(recipe.model_spec_for(&parts.inputs()), Seed(recipe.train.seed))?;
    let trainer = find::trainer(recipe, model)?.preprocessing(parts.preprocessing.clone());
    Ok(if recipe.train.threads > 0 { trainer.threads(recipe.train.threads)? } else { trainer })
}

/// How a recipe is trained, but for checkpoints.
pub(super) fn fit<'a>(recipe: &Recipe, parts: &'a Parts) -> Fit<'a> {
    Fit {
        epochs: recipe.train.epochs,
        batch_size: recipe.train.batch_size,
        validation: parts.validation.as_ref(),
        seed: recipe.train.seed,
        augment: recipe.data.augment_in_loader(),
        ema: recipe.train.ema_momentum,
        precision: recipe.train.precision,
        memory_limit: recipe.train.memory_limit,
        class_weight: recipe.train.class_weight.clone(),
        max_time: recipe.train.max_minutes.and_then(|minutes| Duration::try_from_secs_f64(60.0 * minutes).ok()),
        ..Fit::default()
    }
}

/// The trainer of a recipe that makes sense: what does not is said before anything is shown or written.
pub(super) fn ready(recipe: &Recipe, parts: &Parts) -> Result<Trainer, TrainError> {
    let trainer = trainer(recipe, parts)?;
    let report = trainer.preflight(&parts.train, &fit(recipe, parts))?;
    if report.has_errors() { Err(TrainError::Preflight(report)) } else { Ok(trainer) }
}

/// A mistake in a recipe, where it stands in its text.
pub(super) fn located(error: TrainError, text: Option<&RecipeText>) -> Failure {
    match (error, text) {
        (TrainError::Preflight(report), Some(text)) => {
            let problem = "model, loss and data do not fit each other; nothing was trained";
            Failure::usage(format!("{problem}\n\n{}", text.show(&report)), "")
        }
        (TrainError::Model(error), Some(text)) => Failure::usage(text.show_model_error(&error), ""),
        (error, _) => error.into(),
    }
}

/// Writes the rows that could not be used, with the reasons.
fn say_quarantine(directory: &RunDir, parts: &Parts) -> Result<(), Failure> {
    let lines: Vec<String> =
        parts.quarantine.iter().map(|row| serde_json::to_string(row).unwrap_or_default() + "\n").collect();
    let path = directory.file(run_dir::QUARANTINE);
    write_atomically(&path, lines.concat().as_bytes())?;
    say::error_line(&format!("{} rows could not be used; see {}", thousands(lines.len()), path.display()));
    Ok(())
}

fn introduce(recipe: &Recipe, trainer: &Trainer, parts: &Parts, baseline: Option<&Baseline>) -> Result<(), Failure> {
    parts.notes.iter().for_each(|note| say::line(&format!("Note: {note}")));
    say::line(&data_line(parts));
    say::line(&trainer.model().spec.summary(Some(&recipe.train.optimizer))?);
    if let Some(baseline) = baseline {
        say::line(&format!("To beat: {baseline}"));
    }
    Ok(())
}

fn record(recipe: &Recipe, trainer: &Trainer, parts: &Parts, baseline: Option<Baseline>) -> RunRecord {
    let validation = parts.validation.iter().map(|part| DataRecord::of("validation", part));
    RunRecord {
        kamado: run::VERSION,
        // A recipe is made of what JSON has.
        config: serde_json::to_value(recipe).unwrap_or_default(),
        seed: recipe.train.seed,
        threads: trainer.runtime().threads(),
        machine: Machine::detect(trainer.runtime().isa()),
        data: [DataRecord::of("train", &parts.train)]
            .into_iter()
            .chain(validation)
            .chain([DataRecord::of("test", &parts.test)])
            .collect(),
        baseline,
    }
}

fn save(
    directory: &RunDir,
    recipe: &Recipe,
    trainer: &Trainer,
    parts: &Parts,
    history: &History,
    record: &RunRecord,
    ledger: Option<&String>,
) -> Result<(), Failure> {
    let mut extra = find::extra(recipe);
    if let (Some(hash), Some(extra)) = (ledger, extra.as_object_mut()) {
        extra.insert(private::HASH.to_owned(), json!(hash));
    }
    let file = ModelFile {
        preprocessing: serde_json::to_value(&parts.preprocessing).unwrap_or_default(),
        labels: parts.train.class_names().unwrap_or_default().to_vec(),
        extra,
        ..ModelFile::new(trainer.model().clone())
    };
    directory.replace_model(|path| Ok(model_file::save(path, &file)?))?;
    history.save(&directory.file(run_dir::HISTORY))?;
    record.save(&directory.file(run_dir::RUN))?;
    Ok(write_atomically(&directory.file(run_dir::RECIPE), recipe.to_toml().as_bytes())?)
}

fn conclude(directory: &RunDir, parts: &Parts, history: &History, baseline: Option<&Baseline>) {
    let path = directory.path().display();
    if let Some(reason) = &history.stopped {
        say::line(&format!("\nEnded before the last epoch: {reason}."));
    }
    match &history.test {
        Some(test) => say::line(&result(test, parts, baseline)),
        None => say::line(&format!(
            "\nInterrupted: the weights reached so far are saved.\nGo on with:\n  kamado train --resume {path}"
        )),
    }
    say::line(&format!(
        "\nWritten to {path}: {}, {}, {}, {}",
        run_dir::MODEL,
        run_dir::HISTORY,
        run_dir::RUN,
        run_dir::RECIPE
    ));
    say::line(&format!("Next:\n  kamado evaluate {path}"));
    if let Some(pipeline) = &parts.preprocessing.pipeline {
        let text = pipeline.only_column(&kamado_data::Kind::Text).is_some();
        say::line(&format!("  kamado predict {path} {}", if text { "--text \"…\"" } else { "FILE" }));
    }
    if parts.preprocessing.image.is_some() {
        say::line(&format!("  kamado predict {path} IMAGE.png"));
    }
    if parts.preprocessing.text.is_some() {
        say::line(&format!("  kamado generate {path} --prompt \"…\""));
    }
}

fn result(test: &Evaluation, parts: &Parts, baseline: Option<&Baseline>) -> String {
    let baseline = baseline.map_or_else(String::new, |baseline| format!("\nBaseline: {baseline}"));
    format!("\nTest ({} examples): {test}{baseline}", thousands(parts.test.len()))
}
