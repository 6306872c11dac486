//! Noise while training.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder, Mode};
use crate::error::NnError;

/// While training, `y = x + stddev · z` with standard normal `z`, drawn anew in every step; in prediction and evaluation, nothing
/// happens. Any shape in, the same out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianNoise {
    /// The standard deviation of the noise; 0 or more.
    pub stddev: f64,
}

impl GaussianNoise {
    /// Noise of this standard deviation.
    pub fn new(stddev: f64) -> Self {
        GaussianNoise { stddev }
    }
}

impl Layer for GaussianNoise {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        if !(self.stddev >= 0.0 && self.stddev.is_finite()) {
            return Err(b.error(format!("stddev must be 0 or more, got {}", self.stddev)));
        }
        if b.mode != Mode::Training || self.stddev == 0.0 {
            return Ok(x);
        }
        let streams = [b.stream(), b.stream()];
        let shape = b.graph.shape(x).clone();
        let z = b.graph.normal(&shape, streams)?;
        let noise = b.graph.scale(z, self.stddev)?;
        Ok(b.graph.add(x, noise)?)
    }
}
