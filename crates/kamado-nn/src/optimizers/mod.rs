//! How weights follow their gradients, and how fast.

mod adam;
mod adamw;
mod rmsprop;
pub mod schedules;
mod sgd;

pub use adam::Adam;
pub use adamw::AdamW;
pub use rmsprop::RmsProp;
pub use schedules::LearningRate;
pub use sgd::Sgd;

use kamado_graph::update::UpdateRule;
use serde::{Deserialize, Serialize};

use crate::error::NnError;
use crate::text_or_table::text_or_table_impls;

/// An optimiser. Written as `"adam"` or `{ type = "adam", learning_rate = 0.01 }`.
///
/// Source: formulas, names and defaults as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", remote = "Self")]
pub enum Optimizer {
    /// Gradient descent.
    Sgd(Sgd),
    /// Adam.
    Adam(Adam),
    /// Adam with decoupled weight decay.
    #[serde(rename = "adamw")]
    AdamW(AdamW),
    /// RMSprop.
    #[serde(rename = "rmsprop")]
    RmsProp(RmsProp),
}

text_or_table_impls!(Optimizer);

/// The optimisers as written in a recipe.
pub const NAMES: &[&str] = &["sgd", "adam", "adamw", "rmsprop"];

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::Adam(Adam::default())
    }
}

impl Optimizer {
    /// The name, as written in a recipe.
    pub fn name(&self) -> &'static str {
        match self {
            Optimizer::Sgd(_) => "sgd",
            Optimizer::Adam(_) => "adam",
            Optimizer::AdamW(_) => "adamw",
            Optimizer::RmsProp(_) => "rmsprop",
        }
    }

    /// The learning rate and its schedule.
    pub fn learning_rate(&self) -> &LearningRate {
        match self {
            Optimizer::Sgd(o) => &o.learning_rate,
            Optimizer::Adam(o) => &o.learning_rate,
            Optimizer::AdamW(o) => &o.learning_rate,
            Optimizer::RmsProp(o) => &o.learning_rate,
        }
    }

    /// The update of each weight.
    ///
    /// # Errors
    /// [`NnError::Optimizer`] if a setting, or one of its schedule, is out of range.
    pub fn rule(&self) -> Result<UpdateRule, NnError> {
        self.learning_rate().check()?;
        match self {
            Optimizer::Sgd(o) => o.rule(),
            Optimizer::Adam(o) => o.rule(),
            Optimizer::AdamW(o) => o.rule(),
            Optimizer::RmsProp(o) => o.rule(),
        }
    }
}

macro_rules! from {
    ($($type:ident),*) => {
        $(impl From<$type> for Optimizer {
            fn from(o: $type) -> Self {
                Optimizer::$type(o)
            }
        })*
    };
}

from!(Sgd, Adam, AdamW, RmsProp);

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
            "weight_decay": null,
        });
        assert_eq!(json(&read(r#""adam""#)), expected);
        let expected = serde_json::json!({
            "type": "sgd", "learning_rate": 0.5, "momentum": 0.0, "nesterov": false, "weight_decay": null,
        });
        assert_eq!(json(&read(r#"{"type": "sgd", "learning_rate": 0.5}"#)), expected);
        let expected = serde_json::json!({
            "type": "adamw", "learning_rate": 0.001, "weight_decay": 0.004, "beta_1": 0.9, "beta_2": 0.999,
            "epsilon": 1e-7,
        });
        assert_eq!(json(&read(r#""adamw""#)), expected);
        let expected = serde_json::json!({
            "type": "rmsprop", "learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7,
            "weight_decay": null,
        });
        assert_eq!(json(&read(r#""rmsprop""#)), expected);
        for name in NAMES {
            let optimizer = read(&format!("{name:?}"));
            assert_eq!(&optimizer.name(), name);
            assert_eq!(serde_json::from_value::<Optimizer>(json(&optimizer)).unwrap(), optimizer);
            assert!(optimizer.rule().is_ok());
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
        let error = |o: Optimizer| o.rule().unwrap_err().to_string();
        assert_eq!(
            error(Adam { beta_1: 1.0, ..Adam::default() }.into()),
            "adam.beta_1: expected at least 0 and less than 1, got 1"
        );
        assert_eq!(error(Sgd { weight_decay: Some(-1.0), ..Sgd::default() }.into()), "sgd.weight_decay: expected 0 or more, got -1");
        assert_eq!(
            error(RmsProp { learning_rate: f64::NAN.into(), ..RmsProp::default() }.into()),
            "learning_rate: expected 0 or more, got NaN"
        );
        let nesterov = error(Sgd { nesterov: true, ..Sgd::default() }.into());
        assert!(nesterov.contains("sgd.nesterov"), "{nesterov}");
    }
}
