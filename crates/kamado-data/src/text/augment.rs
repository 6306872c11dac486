//! Random changes of training texts on the fly: for training, never for validation or test.

use kamado_graph::rng::Rng;
use serde::{Deserialize, Serialize};

use super::input::UNKNOWN;
use crate::error::{DataError, Result};

/// How often a token is changed: probabilities from 0 (never) to below 1, each token by itself.
///
/// Source: J. Wei, K. Zou, "EDA: Easy data augmentation techniques for boosting performance on text classification
/// tasks", 2019 (drop, swap); M. Iyyer, V. Manjunatha, J. Boyd-Graber, H. Daumé III, "Deep unordered composition
/// rivals syntactic methods for text classification", 2015 (word dropout).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextAugment {
    /// The token is left out; the last one left stays.
    pub drop: f32,
    /// The token changes places with the one after it.
    pub swap: f32,
    /// The token becomes the unknown one, so that the network also learns what that is.
    pub mask: f32,
}

impl TextAugment {
    /// Errors if a probability is out of its range, naming it.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("drop", self.drop), ("swap", self.swap), ("mask", self.mask)] {
            if !(0.0..1.0).contains(&value) {
                let problem = format!("text.augment.{name} = {value} is not a probability below 1");
                return Err(DataError::request(problem, "Choose 0 to 0.99, for example 0.1"));
            }
        }
        Ok(())
    }

    /// Changes `tokens`.
    pub(super) fn apply(&self, rng: &mut Rng, tokens: &mut Vec<i32>) {
        let mut draw = |probability: f32| probability > 0.0 && rng.uniform() < f64::from(probability);
        if self.drop > 0.0 {
            let mut left = tokens.len();
            tokens.retain(|_| {
                let drops = draw(self.drop) && left > 1;
                left -= usize::from(drops);
                !drops
            });
        }
        for i in 1..tokens.len() {
            if draw(self.swap) {
                tokens.swap(i - 1, i);
            }
        }
        for token in tokens {
            if draw(self.mask) {
                *token = UNKNOWN;
            }
        }
    }
}
