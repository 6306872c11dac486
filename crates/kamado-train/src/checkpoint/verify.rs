//! The proof that a run can be cut and taken up again: it is done.

use std::path::Path;

use kamado_data::Dataset;

use super::{Checkpoint, CheckpointConfig, Checkpointing};
use crate::callbacks::{Callback, StopFlag};
use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::fit::Fit;
use crate::history::History;
use crate::trainer::Trainer;

/// What came of [`verify_resume`].
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The steps that were taken before the run was cut.
    pub cut: u64,
    /// The steps of the whole run.
    pub steps: u64,
    /// The numbers that were compared.
    pub weights: usize,
    /// The first difference between the run in one piece and the one in two; none if all bits are the same.
    pub difference: Option<Difference>,
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The weight or the number of an epoch.
    pub place: String,
    /// Its value in one piece.
    pub whole: f64,
    /// Its value in two pieces.
    pub resumed: f64,
}

/// Stops after a number of steps.
struct Cut {
    left: u64,
    stop: StopFlag,
}

impl Callback for Cut {
    fn on_batch_end(&mut self, _: usize, _: usize, _: &Evaluation, _: std::time::Duration) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.stop.stop();
        }
    }
}

/// Trains in one piece and in two, cut after the share `cut` of the steps, and compares all weights and all numbers of all
/// epochs bit by bit. `folder` takes the checkpoint in between. `trainer` and `fit` make the same each time.
///
/// # Errors
/// As [`Trainer::fit`].
pub fn verify_resume<'a, E: From<TrainError>>(
    trainer: impl Fn() -> Result<Trainer, E>,
    fit: impl Fn() -> Fit<'a>,
    train: &Dataset,
    cut: f64,
    folder: &Path,
) -> Result<Verdict, E> {
    let mut whole = trainer()?;
    let whole_history = whole.fit(train, fit())?;
    let wish = || {
        let config = CheckpointConfig { every_minutes: 0.0, ..CheckpointConfig::default() };
        Some(Checkpointing { folder: folder.to_owned(), config, extra: serde_json::json!({}) })
    };
    let steps: u64 = whole_history.epochs.iter().map(|epoch| epoch.steps as u64).sum();
    let left = ((cut * steps as f64) as u64).clamp(1, steps.saturating_sub(1).max(1));
    let stop = StopFlag::default();
    let mut scissors = Cut { left, stop: stop.clone() };
    let first = fit();
    trainer()?.fit(train, Fit { stop, callbacks: vec![&mut scissors], checkpoint: wish(), ..first })?;
    let (checkpoint, _) = Checkpoint::newest(folder)?;
    let cut = checkpoint.steps();
    let mut resumed = trainer()?;
    let history = resumed.fit(train, Fit { resume: Some(checkpoint), checkpoint: wish(), ..fit() })?;
    let weights = whole.model().variables.iter().map(|variable| variable.value.len()).sum();
    let difference = in_weights(&whole, &resumed).or_else(|| in_history(&whole_history, &history));
    Ok(Verdict { cut, steps, weights, difference })
}

fn in_weights(whole: &Trainer, resumed: &Trainer) -> Option<Difference> {
    whole.model().variables.iter().zip(&resumed.model().variables).find_map(|(a, b)| {
        let at = a.value.iter().zip(&b.value).position(|(a, b)| a.to_bits() != b.to_bits())?;
        let place = format!("{}[{at}]", a.info.name);
        Some(Difference { place, whole: a.value[at].into(), resumed: b.value[at].into() })
    })
}

fn in_history(whole: &History, resumed: &History) -> Option<Difference> {
    let count = |history: &History| history.epochs.len() as f64;
    if count(whole) != count(resumed) {
        return Some(Difference { place: "epochs".into(), whole: count(whole), resumed: count(resumed) });
    }
    whole.epochs.iter().zip(&resumed.epochs).find_map(|(a, b)| {
        let mut pairs = a.entries().zip(b.entries());
        let ((name, a), (_, b)) = pairs.find(|((_, a), (_, b))| a.to_bits() != b.to_bits())?;
        Some(Difference { place: name, whole: a, resumed: b })
    })
}
