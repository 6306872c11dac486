//! What every optimiser can do besides its rule: clip and accumulate gradients, treat groups of weights differently.

use kamado_graph::update::Settings;
use serde::{Deserialize, Serialize};

use super::{not_negative, positive};
use crate::error::NnError;

/// What every optimiser can do besides its rule. Written beside its settings, as in
/// `{ type = "adam", global_clipnorm = 1.0 }`.
///
/// A weight is matched by a text that occurs in its path, such as `bias` in `dense_1.bias`.
///
/// Source: names and meaning as in Keras 3, but for `groups`, which are PyTorch's parameter groups.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The largest 2-norm of the gradient of each weight; a longer one is made shorter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clipnorm: Option<f64>,
    /// The largest size of each element of a gradient; larger ones are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clipvalue: Option<f64>,
    /// The largest 2-norm of all gradients together; if they are longer, all are made shorter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_clipnorm: Option<f64>,
    /// The steps from one update to the next, which takes the mean of their gradients. Clipping, schedules, averages
    /// and the corrections of moments see updates, not steps. What is left when training ends is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_accumulation_steps: Option<u64>,
    /// Weights that do not decay; none by default. `["bias", "gamma", "beta"]` excludes biases and the weights of
    /// normalisation, which is what most recipes for transformers do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_from_weight_decay: Vec<String>,
    /// Whether rows of embeddings that a batch does not mention keep their values and moments, as with PyTorch's
    /// `SparseAdam`: faster for large tables, another trajectory. It holds for tables that are only looked up (not tied ones),
    /// for rules that go by element, and without clipping or accumulation; elsewhere it changes nothing. False by default.
    #[serde(skip_serializing_if = "is_no")]
    pub lazy_embeddings: bool,
    /// Weights with a learning rate or decay of their own; the first group that matches counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// Weights with a learning rate or decay of their own. Written as
/// `{ match = "embedding", learning_rate = 0.1, weight_decay = 0 }`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The text that occurs in the paths of its weights.
    #[serde(rename = "match")]
    pub pattern: String,
    /// A factor on the optimiser's learning rate; 1 by default.
    #[serde(default = "one")]
    pub learning_rate: f64,
    /// Stands for the optimiser's weight decay, except where a weight is excluded from decay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

fn is_no(yes: &bool) -> bool {
    !*yes
}

fn one() -> f64 {
    1.0
}

/// The most steps of an update.
const MOST_STEPS: u64 = 1 << 20;

impl Options {
    /// The keys of the written form.
    pub(super) const KEYS: [&'static str; 7] = [
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "gradient_accumulation_steps",
        "exclude_from_weight_decay",
        "lazy_embeddings",
        "groups",
    ];

    /// The steps from one update to the next.
    pub fn every(&self) -> u64 {
        self.gradient_accumulation_steps.unwrap_or(1).max(1)
    }

    /// When, how fast and with how much decay the weight of this name follows its gradient.
    pub(super) fn settings(&self, weight: &str, weight_decay: f64) -> Settings {
        let group = self.groups.iter().find(|group| weight.contains(&group.pattern));
        let excluded = self.exclude_from_weight_decay.iter().any(|text| weight.contains(text));
        Settings {
            every: self.every(),
            learning_rate: group.map_or(1.0, |group| group.learning_rate),
            weight_decay: match group.and_then(|group| group.weight_decay) {
                _ if excluded => 0.0,
                own => own.unwrap_or(weight_decay),
            },
            lazy: false,
        }
    }

    /// Refuses settings that are out of range.
    pub(super) fn check(&self, optimizer: &str) -> Result<(), NnError> {
        let error = |setting: &str, problem: String| {
            Err(NnError::Optimizer { place: format!("{optimizer}.{setting}"), problem })
        };
        let clips =
            [("clipnorm", self.clipnorm), ("clipvalue", self.clipvalue), ("global_clipnorm", self.global_clipnorm)];
        let mut given = clips.iter().filter_map(|&(setting, value)| Some((setting, value?)));
        for (setting, value) in given.clone() {
            positive(optimizer, setting, value)?;
        }
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            return error(second, format!("cannot be combined with {first}; leave one of them out"));
        }
        if let Some(steps) = self.gradient_accumulation_steps.filter(|n| !(1..=MOST_STEPS).contains(n)) {
            return error("gradient_accumulation_steps", format!("expected 1 to {MOST_STEPS}, got {steps}"));
        }
        if self.exclude_from_weight_decay.iter().any(String::is_empty) {
            return error("exclude_from_weight_decay", "an empty text matches every weight; leave it out".into());
        }
        for (i, group) in self.groups.iter().enumerate() {
            if group.pattern.is_empty() {
                return error(&format!("groups[{i}].match"), "is empty, which matches every weight".into());
            }
            not_negative(optimizer, &format!("groups[{i}].learning_rate"), group.learning_rate)?;
            not_negative(optimizer, &format!("groups[{i}].weight_decay"), group.weight_decay.unwrap_or(0.0))?;
        }
        Ok(())
    }

    /// Refuses groups without weights, which are most likely misspelt.
    pub(super) fn check_groups(&self, optimizer: &str, weights: &[String]) -> Result<(), NnError> {
        let empty = |group: &&Group| !weights.iter().any(|weight| weight.contains(&group.pattern));
        let Some(group) = self.groups.iter().find(empty) else { return Ok(()) };
        const SHOWN: usize = 8;
        let dots = if weights.len() > SHOWN { ", …" } else { "" };
        let known = weights[..weights.len().min(SHOWN)].join(", ");
        let problem = format!("{:?} occurs in the path of no weight; there are {known}{dots}", group.pattern);
        Err(NnError::Optimizer { place: format!("{optimizer}.groups"), problem })
    }
}
