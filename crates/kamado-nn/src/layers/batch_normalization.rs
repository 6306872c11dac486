//! Normalisation by the statistics of the batch.

use kamado_graph::graph::{NodeId, Role};
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::dense::yes;
use super::{Layer, LayerBuilder, Mode};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = γ·(x - mean) / √(variance + epsilon) + β`, per element of the last axis: any `[B, …, n]` in, the same out.
///
/// While training, mean and variance are those of the batch over all other axes (the variance divides by the number
/// of elements), and `moving ← momentum·moving + (1 - momentum)·batch`; in prediction and evaluation, they are the
/// moving ones.
/// Weights: `gamma [n]`, `beta [n]`; not trained: `moving_mean [n]`, `moving_variance [n]`.
///
/// Source: Ioffe and Szegedy 2015; defaults as in Keras 3, which keeps the biased variance too.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchNormalization {
    /// The share of the moving statistics that a step keeps, in `[0, 1]`; 0.99 by default.
    pub momentum: f64,
    /// Added to the variance; 0.001 by default.
    pub epsilon: f64,
    /// Whether `β` is added; true by default.
    pub center: bool,
    /// Whether `γ` is multiplied; true by default.
    pub scale: bool,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        BatchNormalization { momentum: 0.99, epsilon: 1e-3, center: yes(), scale: yes() }
    }
}

impl BatchNormalization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this share of the moving statistics kept in a step.
    pub fn momentum(self, momentum: f64) -> Self {
        BatchNormalization { momentum, ..self }
    }

    /// With this number added to the variance.
    pub fn epsilon(self, epsilon: f64) -> Self {
        BatchNormalization { epsilon, ..self }
    }

    /// With or without `β`.
    pub fn center(self, center: bool) -> Self {
        BatchNormalization { center, ..self }
    }

    /// With or without `γ`.
    pub fn scale(self, scale: bool) -> Self {
        BatchNormalization { scale, ..self }
    }

    fn check(&self, b: &LayerBuilder<'_>) -> Result<(), NnError> {
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(b.error(format!("momentum must be between 0 and 1, got {}", self.momentum)));
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(b.error(format!("epsilon must be greater than 0, got {}", self.epsilon)));
        }
        Ok(())
    }
}

impl Layer for BatchNormalization {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        self.check(b)?;
        let Some(&n) = b.features(x)?.last() else {
            return Err(b.error("expected an input [B, …, features], got [B]: one number per example without an axis"));
        };
        let gamma = match self.scale {
            true => b.trainable("gamma", &[n], Initializer::Ones)?,
            false => b.graph.constant(1.0, Shape::fixed(&[n]))?,
        };
        let beta = match self.center {
            true => b.trainable("beta", &[n], Initializer::Zeros)?,
            false => b.graph.constant(0.0, Shape::fixed(&[n]))?,
        };
        let moving_mean = b.weight("moving_mean", &[n], Role::NonTrainable, Initializer::Zeros)?;
        let moving_variance = b.weight("moving_variance", &[n], Role::NonTrainable, Initializer::Ones)?;
        let (mean, variance) = match b.mode {
            // A frozen layer must not drift with the data that pass through it, as in Keras.
            Mode::Training if !b.trainable => (b.graph.read(moving_mean)?, b.graph.read(moving_variance)?),
            Mode::Inference | Mode::Decode => (b.graph.read(moving_mean)?, b.graph.read(moving_variance)?),
            Mode::Training => {
                let (mean, variance) = (b.graph.channel_mean(x)?, b.graph.channel_variance(x)?);
                b.moving_average(moving_mean, self.momentum, mean)?;
                b.moving_average(moving_variance, self.momentum, variance)?;
                (mean, variance)
            }
        };
        Ok(b.graph.batch_norm(x, gamma, beta, mean, variance, self.epsilon)?)
    }
}
