//! How a variable changes at the end of a step.
//!
//! Every rule is one file with its formula and a naive f64 reference. The learning rate of the step and the step's
//! number come from outside, so a schedule needs no graph.

mod adam;
mod moving_average;
mod rms_prop;
mod sgd;

pub use adam::Adam;
pub use moving_average::MovingAverage;
pub use rms_prop::RmsProp;
pub use sgd::Sgd;

use serde::{Deserialize, Serialize};

use crate::tensor::Tensor;

/// What an update depends on besides its tensors.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StepInfo {
    /// The seed of the run.
    pub seed: u64,
    /// The number of steps taken before this one.
    pub step: u64,
    /// The learning rate of this step.
    pub learning_rate: f64,
}

/// The rule of an update.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum UpdateRule {
    /// Gradient descent, with or without momentum.
    Sgd(Sgd),
    /// Adam and AdamW.
    Adam(Adam),
    /// RMSprop.
    RmsProp(RmsProp),
    /// An exponential moving average.
    MovingAverage(MovingAverage),
}

impl UpdateRule {
    /// The names of the state that the rule keeps for each variable; all of it starts at zero.
    pub fn slots(&self) -> &'static [&'static str] {
        match self {
            UpdateRule::Sgd(rule) => rule.slots(),
            UpdateRule::Adam(_) => &["m", "v"],
            UpdateRule::RmsProp(rule) => rule.slots(),
            UpdateRule::MovingAverage(_) => &[],
        }
    }

    /// Applies the rule, naively, in f64.
    pub fn reference(&self, variable: &mut Tensor, slots: &mut [Tensor], value: &Tensor, info: &StepInfo) {
        for i in 0..variable.data.len() {
            let mut state: Vec<f64> = slots.iter().map(|s| s.data[i]).collect();
            let (w, g) = (variable.data[i], value.data[i]);
            variable.data[i] = match self {
                UpdateRule::Sgd(rule) => rule.scalar(w, &mut state, g, info),
                UpdateRule::Adam(rule) => rule.scalar(w, &mut state, g, info),
                UpdateRule::RmsProp(rule) => rule.scalar(w, &mut state, g, info),
                UpdateRule::MovingAverage(rule) => rule.scalar(w, g, info),
            };
            slots.iter_mut().zip(state).for_each(|(slot, s)| slot.data[i] = s);
        }
    }
}
