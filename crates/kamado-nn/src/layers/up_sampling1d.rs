//! Longer sequences.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Resize;
use serde::{Deserialize, Serialize};

use super::convolution::{as_row, as_sequence, times};
use super::pooling::two_steps;
use super::{Interpolation, Layer, LayerBuilder};
use crate::error::NnError;

/// Every step becomes `size` steps: `[B, T, channels] → [B, T·size, channels]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpSampling1d {
    /// How often a step is repeated; 2 by default.
    #[serde(default = "two_steps")]
    pub size: usize,
}

impl Default for UpSampling1d {
    fn default() -> Self {
        UpSampling1d::new(two_steps())
    }
}

impl UpSampling1d {
    /// With every step repeated so often.
    pub fn new(size: usize) -> Self {
        UpSampling1d { size }
    }
}

impl Layer for UpSampling1d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [steps, _] = b.sequence(x)?;
        b.at_least_one("size", &[self.size])?;
        let size = [1, times(b, "size", steps, self.size)?];
        let (row, _) = as_row(b, x)?;
        let y = b.graph.resize(row, Resize { size, interpolation: Interpolation::Nearest })?;
        as_sequence(b, y)
    }
}
