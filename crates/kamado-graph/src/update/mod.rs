//! How a variable changes at the end of a step.
//!
//! Every rule is one file with its formula and a naive f64 reference. The learning rate of the step and the step's
//! number come from outside, so a schedule needs no graph.

mod accumulate;
mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod lamb;
mod lion;
mod moving_average;
mod nadam;
mod rms_prop;
mod settings;
mod sgd;

pub use accumulate::Accumulate;
pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use lamb::Lamb;
pub use lion::Lion;
pub use moving_average::MovingAverage;
pub use nadam::Nadam;
pub use rms_prop::RmsProp;
pub use settings::Settings;
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

/// State that a rule keeps for a variable.
#[derive(Clone, PartialEq, Debug)]
pub struct Slot {
    /// Its name, such as `m`.
    pub name: &'static str,
    /// Its extents.
    pub shape: Vec<usize>,
    /// The value that every element starts with.
    pub start: f64,
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
    /// Adagrad.
    Adagrad(Adagrad),
    /// Adadelta.
    Adadelta(Adadelta),
    /// Adamax.
    Adamax(Adamax),
    /// Nadam.
    Nadam(Nadam),
    /// Lion.
    Lion(Lion),
    /// LAMB.
    Lamb(Lamb),
    /// Adafactor.
    Adafactor(Adafactor),
    /// The sum of the gradients of several steps.
    Accumulate(Accumulate),
    /// An exponential moving average.
    MovingAverage(MovingAverage),
}

impl UpdateRule {
    /// The state that the rule keeps for a variable of this shape.
    pub fn slots(&self, shape: &[usize]) -> Vec<Slot> {
        let like = |name: &&'static str| Slot { name, shape: shape.to_vec(), start: 0.0 };
        let names: &[_] = match self {
            UpdateRule::Sgd(rule) => rule.slots(),
            UpdateRule::Adam(rule) => rule.slots(),
            UpdateRule::Nadam(_) | UpdateRule::Lamb(_) => &["m", "v"],
            UpdateRule::RmsProp(rule) => rule.slots(),
            UpdateRule::Adagrad(rule) => {
                return vec![Slot { start: rule.initial_accumulator_value, ..like(&"accumulator") }];
            }
            UpdateRule::Adadelta(_) => &["accumulated_grad", "accumulated_delta_var"],
            UpdateRule::Adamax(_) => &["m", "u"],
            UpdateRule::Lion(_) => &["momentum"],
            UpdateRule::Adafactor(_) => return Adafactor::slots(shape),
            UpdateRule::Accumulate(_) | UpdateRule::MovingAverage(_) => &[],
        };
        names.iter().map(like).collect()
    }

    /// Whether each element changes by its own gradient alone.
    pub fn is_elementwise(&self) -> bool {
        !matches!(self, UpdateRule::Lamb(_) | UpdateRule::Adafactor(_))
    }

    /// Whether the rule follows a gradient at a learning rate; the others take in a value.
    pub fn is_optimizer(&self) -> bool {
        !matches!(self, UpdateRule::Accumulate(_) | UpdateRule::MovingAverage(_))
    }

    /// Applies the rule, naively, in f64.
    pub fn reference(&self, variable: &mut Tensor, slots: &mut [Tensor], value: &Tensor, info: &StepInfo) {
        match self {
            UpdateRule::Lamb(rule) => return rule.reference(variable, slots, value, info),
            UpdateRule::Adafactor(rule) => return rule.reference(variable, slots, value, info),
            _ => {}
        }
        for i in 0..variable.data.len() {
            let mut state: Vec<f64> = slots.iter().map(|s| s.data[i]).collect();
            variable.data[i] = self.scalar(variable.data[i], &mut state, value.data[i], info);
            slots.iter_mut().zip(state).for_each(|(slot, s)| slot.data[i] = s);
        }
    }

    /// The new value of one element by a rule that is elementwise.
    fn scalar(&self, w: f64, state: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        match self {
            UpdateRule::Sgd(rule) => rule.scalar(w, state, g, info),
            UpdateRule::Adam(rule) => rule.scalar(w, state, g, info),
            UpdateRule::RmsProp(rule) => rule.scalar(w, state, g, info),
            UpdateRule::Adagrad(rule) => rule.scalar(w, state, g, info),
            UpdateRule::Adadelta(rule) => rule.scalar(w, state, g, info),
            UpdateRule::Adamax(rule) => rule.scalar(w, state, g, info),
            UpdateRule::Nadam(rule) => rule.scalar(w, state, g, info),
            UpdateRule::Lion(rule) => rule.scalar(w, state, g, info),
            UpdateRule::Accumulate(rule) => rule.scalar(w, g, info),
            UpdateRule::MovingAverage(rule) => rule.scalar(w, g, info),
            UpdateRule::Lamb(_) | UpdateRule::Adafactor(_) => unreachable!("not elementwise"),
        }
    }
}
