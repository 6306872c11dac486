//! Normalisation by the statistics of each example.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::dense::{yes, zeros};
use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = γ·(x - mean) / √(variance + epsilon) + β`, with mean and biased variance over the last axis of each example: any
/// `[B, …, n]` in, the same out.
///
/// Weights: `gamma [n]`, `beta [n]`.
///
/// Source: Ba, Kiros and Hinton 2016; defaults as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerNormalization {
    /// The axis to normalise over, counted from the end if negative: the last; -1 by default.
    pub axis: isize,
    /// Added to the variance; 0.001 by default.
    pub epsilon: f64,
    /// Whether `β` is added; true by default.
    pub center: bool,
    /// Whether `γ` is multiplied; true by default.
    pub scale: bool,
    /// How `β` starts; zeros by default.
    pub beta_initializer: Initializer,
    /// How `γ` starts; ones by default.
    pub gamma_initializer: Initializer,
}

impl Default for LayerNormalization {
    fn default() -> Self {
        LayerNormalization {
            axis: -1,
            epsilon: 1e-3,
            center: yes(),
            scale: yes(),
            beta_initializer: zeros(),
            gamma_initializer: Initializer::Ones,
        }
    }
}

impl LayerNormalization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this number added to the variance.
    pub fn epsilon(self, epsilon: f64) -> Self {
        LayerNormalization { epsilon, ..self }
    }

    /// With or without `β`.
    pub fn center(self, center: bool) -> Self {
        LayerNormalization { center, ..self }
    }

    /// With or without `γ`.
    pub fn scale(self, scale: bool) -> Self {
        LayerNormalization { scale, ..self }
    }
}

/// The extent of the last axis, if `axis` names it and epsilon is possible.
pub(super) fn check_row_norm(b: &LayerBuilder<'_>, x: NodeId, axis: isize, epsilon: f64) -> Result<usize, NnError> {
    check_epsilon(b, epsilon)?;
    let features = b.features(x)?;
    if b.axis("axis", x, axis)? != features.len() {
        return Err(b.error(format!(
            "axis must be the last, -1, got {axis}; for another axis, add a permute layer before and after"
        )));
    }
    Ok(features[features.len() - 1])
}

pub(super) fn check_epsilon(b: &LayerBuilder<'_>, epsilon: f64) -> Result<(), NnError> {
    match epsilon > 0.0 && epsilon.is_finite() {
        true => Ok(()),
        false => Err(b.error(format!("epsilon must be greater than 0, got {epsilon}"))),
    }
}

/// A weight of `n` numbers, or the constant that stands for none.
pub(super) fn vector(
    b: &mut LayerBuilder<'_>,
    wanted: bool,
    name: &str,
    n: usize,
    initializer: Initializer,
    none: f64,
) -> Result<NodeId, NnError> {
    match wanted {
        true => b.trainable(name, &[n], initializer),
        false => Ok(b.graph.constant(none, Shape::fixed(&[n]))?),
    }
}

impl Layer for LayerNormalization {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let n = check_row_norm(b, x, self.axis, self.epsilon)?;
        let gamma = vector(b, self.scale, "gamma", n, self.gamma_initializer, 1.0)?;
        let beta = vector(b, self.center, "beta", n, self.beta_initializer, 0.0)?;
        Ok(b.graph.layer_norm(x, gamma, beta, self.epsilon)?)
    }
}
