//! Normalisation by the statistics of groups of channels of each example.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::dense::{yes, zeros};
use super::layer_normalization::{check_epsilon, vector};
use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = γ·(x - mean) / √(variance + epsilon) + β`, with one mean and biased variance for each example and group of
/// neighbouring channels, over all other axes: any `[B, …, channels]` in, the same out.
///
/// Weights: `gamma [channels]`, `beta [channels]`.
///
/// Source: Wu and He, "Group normalization", 2018; defaults as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupNormalization {
    /// How many groups the channels form, or -1 for one group per channel; 32 by default.
    pub groups: isize,
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

impl Default for GroupNormalization {
    fn default() -> Self {
        GroupNormalization {
            groups: 32,
            epsilon: 1e-3,
            center: yes(),
            scale: yes(),
            beta_initializer: zeros(),
            gamma_initializer: Initializer::Ones,
        }
    }
}

impl GroupNormalization {
    /// With this many groups.
    pub fn new(groups: isize) -> Self {
        GroupNormalization { groups, ..Self::default() }
    }

    /// With this number added to the variance.
    pub fn epsilon(self, epsilon: f64) -> Self {
        GroupNormalization { epsilon, ..self }
    }

    /// With or without `β`.
    pub fn center(self, center: bool) -> Self {
        GroupNormalization { center, ..self }
    }

    /// With or without `γ`.
    pub fn scale(self, scale: bool) -> Self {
        GroupNormalization { scale, ..self }
    }
}

impl Layer for GroupNormalization {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        check_epsilon(b, self.epsilon)?;
        let Some(&channels) = b.features(x)?.last() else {
            return Err(b.error("expected an input [B, …, channels], got [B]: one number per example without an axis"));
        };
        let groups = if self.groups == -1 { channels } else { usize::try_from(self.groups).unwrap_or(0) };
        if groups == 0 || !channels.is_multiple_of(groups) {
            return Err(b.error(format!(
                "groups must divide the {channels} channels, or be -1 for one group per channel, got {}",
                self.groups
            )));
        }
        let gamma = vector(b, self.scale, "gamma", channels, self.gamma_initializer, 1.0)?;
        let beta = vector(b, self.center, "beta", channels, self.beta_initializer, 0.0)?;
        Ok(b.graph.group_norm(x, gamma, beta, groups, self.epsilon)?)
    }
}
