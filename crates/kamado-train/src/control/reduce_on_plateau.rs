//! Going slower when training does not get better any more.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Steering;
use crate::callbacks::Callback;
use crate::checkpoint::Exact;
use crate::error::TrainError;
use crate::history::EpochRecord;
use crate::monitor::Monitor;

/// Multiplies the learning rate by `factor` whenever a number has not become better for `patience` epochs. A schedule goes on
/// underneath.
///
/// Source: names and defaults as in Keras' `ReduceLROnPlateau`; the lower bound is one of the factor, since the rate itself may
/// follow a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReduceOnPlateau {
    /// The number; `val_loss` unless said otherwise.
    pub monitor: Monitor,
    /// What the learning rate is multiplied by, between 0 and 1; 0.1 unless said otherwise.
    pub factor: f64,
    /// So many epochs may be no better than the best; 10 unless said otherwise.
    pub patience: usize,
    /// Better means by more than this; 0.0001 unless said otherwise.
    pub min_delta: f64,
    /// So many epochs after a reduction do not count; 0 unless said otherwise.
    pub cooldown: usize,
    /// All factors together become no smaller than this; 0 unless said otherwise.
    pub min_factor: f64,
    /// What it remembers from epoch to epoch.
    #[serde(skip)]
    pub state: State,
}

/// What it remembers from epoch to epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct State {
    best: Option<f64>,
    waited: usize,
    cooling: usize,
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        ReduceOnPlateau {
            monitor: Monitor::val_loss(),
            factor: 0.1,
            patience: 10,
            min_delta: 1e-4,
            cooldown: 0,
            min_factor: 0.0,
            state: State::default(),
        }
    }
}

impl Callback for ReduceOnPlateau {
    fn name(&self) -> &'static str {
        "reduce_on_plateau"
    }

    fn steers(&self) -> bool {
        true
    }

    fn steer(&mut self, record: &EpochRecord, steering: &mut Steering<'_>) -> Result<(), TrainError> {
        let value = self.monitor.of(record)?;
        let state = &mut self.state;
        if state.cooling > 0 {
            (state.cooling, state.waited) = (state.cooling - 1, 0);
        }
        if self.monitor.is_better_by(value, state.best, self.min_delta) {
            (state.best, state.waited) = (Some(value), 0);
        } else if state.cooling == 0 {
            state.waited += 1;
            if state.waited >= self.patience {
                let reduced = steering.learning_rate_factor * self.factor;
                steering.learning_rate_factor = reduced.max(self.min_factor);
                (state.cooling, state.waited) = (self.cooldown, 0);
            }
        }
        Ok(())
    }

    fn state(&self) -> Value {
        let State { best, waited, cooling } = self.state;
        json!({ "best": best.map(Exact), "waited": waited, "cooling": cooling })
    }

    fn restore(&mut self, state: &Value, _tensors: Vec<Vec<f32>>) {
        let count = |key: &str| state[key].as_u64().unwrap_or(0) as usize;
        let best: Option<Exact> = serde_json::from_value(state["best"].clone()).unwrap_or_default();
        self.state = State { best: best.map(|Exact(best)| best), waited: count("waited"), cooling: count("cooling") };
    }
}
