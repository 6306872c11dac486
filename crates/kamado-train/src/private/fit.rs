//! The loop over private steps.

use std::time::Instant;

use kamado_data::Dataset;

use super::PrivateFit;
use super::refuse::refuse;
use super::steps::Steps;
use crate::callbacks::TrainInfo;
use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::fit::{Fit, not_finite};
use crate::history::{EpochRecord, History};
use crate::preflight::Report;
use crate::trainer::Trainer;

/// Trains the model of `trainer` privately; see [`Trainer::fit_private`].
pub(crate) fn run(
    trainer: &mut Trainer,
    train: &Dataset,
    mut fit: Fit<'_>,
    private: &PrivateFit,
) -> Result<History, TrainError> {
    if fit.epochs == 0 || train.is_empty() {
        let problem = format!("cannot train {} epochs from {} examples", fit.epochs, train.len());
        return Err(TrainError::request(problem, "Both must be at least 1"));
    }
    let warnings = trainer.preflight(train, &fit)?;
    if warnings.has_errors() {
        return Err(TrainError::Preflight(warnings));
    }
    refuse(trainer, train, &fit, private)?;
    let mut validation = fit.validation.map(|data| trainer.evaluation_pass(data)).transpose()?;
    let mut steps = Steps::new(trainer, train, &fit, private)?;
    let total = private.plan.steps;
    let per_epoch = total.div_ceil(fit.epochs as u64) as usize;
    let info = info(&mut steps, trainer, train, &fit, per_epoch, warnings)?;
    fit.callbacks.iter_mut().for_each(|c| c.on_train_begin(&info));
    let mut history = History::default();
    let mut left = total as usize;
    for epoch in 1..=fit.epochs {
        let start = Instant::now();
        fit.callbacks.iter_mut().for_each(|c| c.on_epoch_begin(epoch, fit.epochs));
        let count = per_epoch.min(left);
        left -= count;
        history.interrupted = take(&mut steps, trainer, &mut fit, count, total, start)?;
        publish(&steps, trainer, epoch, count)?;
        if history.interrupted {
            break;
        }
        let train = with_epsilon(&steps.meter.finish(), &steps);
        let validation = validation.as_mut().map(|pass| pass.run(&trainer.model)).transpose()?;
        let seconds = start.elapsed().as_secs_f64();
        let epochs = fit.epochs;
        let record = EpochRecord { epoch, epochs, steps: count, train, validation, seconds, waited: 0.0 };
        fit.callbacks.iter_mut().for_each(|c| c.on_epoch_end(&record));
        if let Some(problem) = fit.callbacks.iter_mut().find_map(|c| c.take_problem()) {
            return Err(problem);
        }
        history.epochs.push(record);
        history.interrupted = epoch < fit.epochs && fit.stop.is_stopped();
        if history.interrupted {
            break;
        }
    }
    Ok(history)
}

/// Takes the steps of an epoch; answers whether it was stopped.
fn take(
    steps: &mut Steps,
    trainer: &Trainer,
    fit: &mut Fit<'_>,
    count: usize,
    total: u64,
    start: Instant,
) -> Result<bool, TrainError> {
    for step in 1..=count {
        steps.step(fit.seed, |taken| trainer.optimizer.learning_rate_at(taken, total))?;
        if !fit.callbacks.is_empty() {
            let running = steps.meter.running().clone();
            let logs = with_epsilon(&running, steps);
            fit.callbacks.iter_mut().for_each(|c| c.on_batch_end(step, count, &logs, start.elapsed()));
        }
        if step < count && fit.stop.is_stopped() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What was measured, and what it costs so far.
fn with_epsilon(measured: &Evaluation, steps: &Steps) -> Evaluation {
    let mut all = measured.clone();
    all.metrics.push(("epsilon".to_owned(), steps.purse.epsilon()));
    all
}

/// Gives the model the weights reached so far, unless the last steps have spoilt them.
fn publish(steps: &Steps, trainer: &mut Trainer, epoch: usize, step: usize) -> Result<(), TrainError> {
    let values = || steps.sources.iter().map(|name| steps.value(name));
    if values().flatten().any(|w| !w.is_finite()) {
        let learning_rate = trainer.optimizer.learning_rate_at(0, 1);
        return Err(not_finite(epoch, step, f64::NAN, learning_rate));
    }
    trainer.model.variables.iter_mut().zip(values()).for_each(|(v, value)| v.value.copy_from_slice(value));
    Ok(())
}

fn info(
    steps: &mut Steps,
    trainer: &Trainer,
    train: &Dataset,
    fit: &Fit<'_>,
    per_epoch: usize,
    warnings: Report,
) -> Result<TrainInfo, TrainError> {
    Ok(TrainInfo {
        epochs: fit.epochs,
        steps: per_epoch,
        examples: train.len(),
        validation_examples: fit.validation.map(Dataset::len),
        threads: trainer.runtime.threads(),
        isa: trainer.runtime.isa(),
        bytes: steps.bytes()?,
        recomputed: 0.0,
        warnings,
        history: Vec::new(),
    })
}
