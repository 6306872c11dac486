//! Normalisation by the mean square of each example.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::layer_normalization::check_row_norm;
use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = scale·x / √(mean(x²) + epsilon)`, with the mean over the last axis of each example: any `[B, …, n]` in, the same
/// out.
///
/// Weights: `scale [n]`, from ones.
///
/// Source: Zhang and Sennrich 2019; defaults as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RmsNormalization {
    /// The axis to normalise over, counted from the end if negative: the last; -1 by default.
    pub axis: isize,
    /// Added to the mean square; 0.000001 by default.
    pub epsilon: f64,
}

impl Default for RmsNormalization {
    fn default() -> Self {
        RmsNormalization { axis: -1, epsilon: 1e-6 }
    }
}

impl RmsNormalization {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this number added to the mean square.
    pub fn epsilon(self, epsilon: f64) -> Self {
        RmsNormalization { epsilon, ..self }
    }
}

impl Layer for RmsNormalization {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let n = check_row_norm(b, x, self.axis, self.epsilon)?;
        let scale = b.trainable("scale", &[n], Initializer::Ones)?;
        Ok(b.graph.rms_norm(x, scale, self.epsilon)?)
    }
}
