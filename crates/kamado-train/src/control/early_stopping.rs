//! Ending training when it does not get better any more.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Steering;
use crate::callbacks::Callback;
use crate::checkpoint::Exact;
use crate::error::TrainError;
use crate::evaluation::Score;
use crate::history::EpochRecord;
use crate::monitor::Monitor;

/// Ends training when a number has not become better for `patience` epochs.
///
/// Source: names and defaults as in Keras' `EarlyStopping`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EarlyStopping {
    /// The number; `val_loss` unless said otherwise.
    pub monitor: Monitor,
    /// Better means by more than this; 0 unless said otherwise.
    pub min_delta: f64,
    /// So many epochs may be no better than the best; 0 unless said otherwise.
    pub patience: usize,
    /// Whether training ends with the weights of the best epoch; false unless said otherwise. It holds too if all epochs are
    /// done before patience is.
    pub restore_best_weights: bool,
    /// Epochs before this one, from 0, do not count; 0 unless said otherwise.
    pub start_from_epoch: usize,
    /// What it remembers from epoch to epoch.
    #[serde(skip)]
    pub state: State,
}

/// What it remembers from epoch to epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    best: Option<f64>,
    epoch: usize,
    waited: usize,
    weights: Vec<Vec<f32>>,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        EarlyStopping {
            monitor: Monitor::val_loss(),
            min_delta: 0.0,
            patience: 0,
            restore_best_weights: false,
            start_from_epoch: 0,
            state: State::default(),
        }
    }
}

impl EarlyStopping {
    /// The best epoch so far, from one, and its number.
    pub fn best(&self) -> Option<(usize, f64)> {
        Some((self.state.epoch, self.state.best?))
    }
}

impl Callback for EarlyStopping {
    fn name(&self) -> &'static str {
        "early_stopping"
    }

    fn steers(&self) -> bool {
        true
    }

    fn steer(&mut self, record: &EpochRecord, steering: &mut Steering<'_>) -> Result<(), TrainError> {
        let value = self.monitor.of(record)?;
        if record.epoch <= self.start_from_epoch {
            return Ok(());
        }
        let state = &mut self.state;
        if self.monitor.is_better_by(value, state.best, self.min_delta) {
            (state.best, state.epoch, state.waited) = (Some(value), record.epoch, 0);
            if self.restore_best_weights {
                state.weights = steering.model.variables.iter().map(|variable| variable.value.clone()).collect();
            }
        } else {
            state.waited += 1;
        }
        let patient = state.waited <= self.patience.saturating_sub(1) || state.waited == 0;
        if !patient {
            let best = Score(state.best.unwrap_or(f64::NAN));
            steering.stop = Some(format!(
                "early stopping: {} was best in epoch {} ({best}) and no better in the {} since",
                self.monitor, state.epoch, state.waited
            ));
        }
        if !(state.weights.is_empty() || patient && record.epoch < record.epochs) {
            steering.weights = Some(state.weights.clone());
        }
        Ok(())
    }

    fn state(&self) -> Value {
        let State { best, epoch, waited, .. } = &self.state;
        json!({ "best": best.map(Exact), "epoch": epoch, "waited": waited })
    }

    fn tensors(&self) -> &[Vec<f32>] {
        &self.state.weights
    }

    fn restore(&mut self, state: &Value, tensors: Vec<Vec<f32>>) {
        let count = |key: &str| state[key].as_u64().unwrap_or(0) as usize;
        let best: Option<Exact> = serde_json::from_value(state["best"].clone()).unwrap_or_default();
        let best = best.map(|Exact(best)| best);
        self.state = State { best, epoch: count("epoch"), waited: count("waited"), weights: tensors };
    }
}
