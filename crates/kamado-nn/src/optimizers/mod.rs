//! How weights follow their gradients, and how fast.

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod gradients;
mod lamb;
mod lion;
mod nadam;
mod options;
mod rmsprop;
pub mod schedules;
mod sgd;

pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use lamb::Lamb;
pub use lion::Lion;
pub use nadam::Nadam;
pub use options::{Group, Options};
pub use rmsprop::RmsProp;
pub use schedules::LearningRate;
pub use sgd::Sgd;

use kamado_graph::update::UpdateRule;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::error::NnError;
use crate::text_or_table::text_or_table;

/// An optimiser's rule and its settings.
trait Algorithm {
    /// The name, as written in a recipe.
    const NAME: &'static str;

    /// The learning rate and its schedule.
    fn learning_rate(&self) -> &LearningRate;

    /// The share of each weight, times the learning rate, that a step takes off.
    fn weight_decay(&self) -> f64;

    /// The update of each weight; refuses settings that are out of range.
    fn update_rule(&self) -> Result<UpdateRule, NnError>;
}

macro_rules! algorithms {
    ($($(#[$doc:meta])* $type:ident = $name:literal,)*) => {
        /// The rule that weights follow.
        ///
        /// Source: formulas, names and defaults as in Keras 3.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(tag = "type")]
        pub enum Rule {
            $($(#[$doc])* #[serde(rename = $name)] $type($type),)*
        }

        /// The optimisers as written in a recipe.
        pub const NAMES: &[&str] = &[$($name),*];

        impl Optimizer {
            /// The name, as written in a recipe.
            pub fn name(&self) -> &'static str {
                match &self.rule {
                    $(Rule::$type(_) => $type::NAME,)*
                }
            }

            /// The learning rate and its schedule; see also [`Optimizer::learning_rate_at`].
            pub fn learning_rate(&self) -> &LearningRate {
                match &self.rule {
                    $(Rule::$type(o) => o.learning_rate(),)*
                }
            }

            /// The share of each weight, times the learning rate, that a step takes off if no group says otherwise.
            pub fn weight_decay(&self) -> f64 {
                match &self.rule {
                    $(Rule::$type(o) => o.weight_decay(),)*
                }
            }

            /// The update of each weight.
            ///
            /// # Errors
            /// [`NnError::Optimizer`] if a setting, or one of its schedule, is out of range.
            pub fn update_rule(&self) -> Result<UpdateRule, NnError> {
                self.learning_rate().check()?;
                not_negative(self.name(), "weight_decay", self.weight_decay())?;
                self.options.check(self.name())?;
                match &self.rule {
                    $(Rule::$type(o) => o.update_rule(),)*
                }
            }
        }

        $(
            impl From<$type> for Optimizer {
                fn from(o: $type) -> Self {
                    Optimizer { rule: Rule::$type(o), options: Options::default() }
                }
            }

            impl $type {
                /// The optimiser with this rule and these options.
                pub fn with(self, options: Options) -> Optimizer {
                    Optimizer { rule: Rule::$type(self), options }
                }
            }
        )*
    };
}

algorithms! {
    /// Gradient descent.
    Sgd = "sgd",
    /// Adam.
    Adam = "adam",
    /// Adam with decoupled weight decay.
    AdamW = "adamw",
    /// RMSprop.
    RmsProp = "rmsprop",
    /// Adagrad.
    Adagrad = "adagrad",
    /// Adadelta.
    Adadelta = "adadelta",
    /// Adamax.
    Adamax = "adamax",
    /// Nadam.
    Nadam = "nadam",
    /// Lion.
    Lion = "lion",
    /// LAMB.
    Lamb = "lamb",
    /// Adafactor.
    Adafactor = "adafactor",
}

/// An optimiser. Written as `"adam"` or `{ type = "adam", learning_rate = 0.01, global_clipnorm = 1.0 }`: the settings
/// of the rule and the options in one table.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Optimizer {
    /// The rule that weights follow.
    #[serde(flatten)]
    pub rule: Rule,
    /// What is done besides.
    #[serde(flatten)]
    pub options: Options,
}

impl<'de> Deserialize<'de> for Optimizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut rule: Map<String, Value> = text_or_table(deserializer)?;
        let options = Options::KEYS.iter().filter_map(|key| rule.remove_entry(*key)).collect();
        Ok(Optimizer {
            rule: serde_json::from_value(Value::Object(rule)).map_err(D::Error::custom)?,
            options: serde_json::from_value(Value::Object(options)).map_err(D::Error::custom)?,
        })
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Adam::default().into()
    }
}

impl Optimizer {
    /// The learning rate of step `step`, from zero, of a run of `total_steps`: that of the update that it is part of.
    pub fn learning_rate_at(&self, step: u64, total_steps: u64) -> f64 {
        let every = self.options.every();
        self.learning_rate().at(step / every, total_steps / every)
    }

    /// The number of elements of the state that the optimiser keeps for a weight of this shape.
    ///
    /// # Errors
    /// As [`Optimizer::update_rule`].
    pub fn state_len(&self, shape: &[usize]) -> Result<usize, NnError> {
        let slots = self.update_rule()?.slots(shape).into_iter().map(|slot| slot.shape.iter().product::<usize>());
        let accumulator = if self.options.every() > 1 { shape.iter().product() } else { 0 };
        Ok(slots.sum::<usize>() + accumulator)
    }
}

fn out_of_range(place: String, expected: &str, value: f64) -> NnError {
    NnError::Optimizer { place, problem: format!("expected {expected}, got {value}") }
}

/// Refuses a share that is not in `[0, 1)`.
fn share(optimizer: &str, setting: &str, value: f64) -> Result<f64, NnError> {
    match (0.0..1.0).contains(&value) {
        true => Ok(value),
        false => Err(out_of_range(format!("{optimizer}.{setting}"), "at least 0 and less than 1", value)),
    }
}

/// Refuses a number that is not greater than 0.
fn positive(optimizer: &str, setting: &str, value: f64) -> Result<f64, NnError> {
    match value > 0.0 && value.is_finite() {
        true => Ok(value),
        false => Err(out_of_range(format!("{optimizer}.{setting}"), "more than 0", value)),
    }
}

/// Refuses a number greater than 0.
fn not_positive(optimizer: &str, setting: &str, value: f64) -> Result<f64, NnError> {
    match value <= 0.0 && value.is_finite() {
        true => Ok(value),
        false => Err(out_of_range(format!("{optimizer}.{setting}"), "0 or less", value)),
    }
}

/// Refuses a negative or infinite number.
fn not_negative(optimizer: &str, setting: &str, value: f64) -> Result<f64, NnError> {
    match value >= 0.0 && value.is_finite() {
        true => Ok(value),
        false => Err(out_of_range(format!("{optimizer}.{setting}"), "0 or more", value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_keras() {
        let read = |text: &str| serde_json::from_str::<Optimizer>(text).unwrap();
        let json = |o: &Optimizer| serde_json::to_value(o).unwrap();
        let expected = serde_json::json!({
            "type": "adam", "learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7,
            "amsgrad": false,
        });
        assert_eq!(json(&read(r#""adam""#)), expected);
        let expected = serde_json::json!({
            "type": "sgd", "learning_rate": 0.5, "momentum": 0.0, "nesterov": false,
        });
        assert_eq!(json(&read(r#"{"type": "sgd", "learning_rate": 0.5}"#)), expected);
        let expected = serde_json::json!({
            "type": "adamw", "learning_rate": 0.001, "weight_decay": 0.004, "beta_1": 0.9, "beta_2": 0.999,
            "epsilon": 1e-7, "amsgrad": false,
        });
        assert_eq!(json(&read(r#""adamw""#)), expected);
        let expected = serde_json::json!({
            "type": "rmsprop", "learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7,
        });
        assert_eq!(json(&read(r#""rmsprop""#)), expected);
        for name in NAMES {
            let optimizer = read(&format!("{name:?}"));
            assert_eq!(&optimizer.name(), name);
            assert_eq!(serde_json::from_value::<Optimizer>(json(&optimizer)).unwrap(), optimizer);
            assert!(optimizer.update_rule().is_ok());
        }
    }

    #[test]
    fn unknown_names_and_keys_are_errors() {
        let error = |text: &str| serde_json::from_str::<Optimizer>(text).unwrap_err().to_string();
        assert!(error(r#""adan""#).contains("unknown variant `adan`, expected one of `sgd`, `adam`"));
        assert!(error(r#"{"type": "adam", "lr": 1}"#).contains("unknown field `lr`, expected one of"));
        assert!(error("3").contains("expected a name, or a table"));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = |o: Optimizer| o.update_rule().unwrap_err().to_string();
        assert_eq!(
            error(Adam { beta_1: 1.0, ..Adam::default() }.into()),
            "adam.beta_1: expected at least 0 and less than 1, got 1"
        );
        assert_eq!(
            error(Sgd { weight_decay: Some(-1.0), ..Sgd::default() }.into()),
            "sgd.weight_decay: expected 0 or more, got -1"
        );
        assert_eq!(
            error(RmsProp { learning_rate: f64::NAN.into(), ..RmsProp::default() }.into()),
            "learning_rate: expected 0 or more, got NaN"
        );
        let nesterov = error(Sgd { nesterov: true, ..Sgd::default() }.into());
        assert!(nesterov.contains("sgd.nesterov"), "{nesterov}");
    }
}
