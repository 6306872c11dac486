//! The mean over windows of a sequence.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use serde::{Deserialize, Serialize};

use super::convolution::{as_row, as_sequence, setters, valid};
use super::pooling::{strides, two_steps};
use super::{Layer, LayerBuilder, Padding};
use crate::error::NnError;

/// The mean of each window: `[B, T, channels] → [B, T', channels]`.
///
/// With `valid` padding, `T' = ⌊(T - pool) / stride⌋ + 1`; with `same`, `⌈T / stride⌉`, and only steps of the sequence
/// count.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AveragePooling1d {
    /// The length of the window; 2 by default.
    #[serde(default = "two_steps")]
    pub pool_size: usize,
    /// The step of the window; `pool_size` by default.
    #[serde(default)]
    pub strides: Option<usize>,
    /// Whether windows may reach over the ends; `valid` (no) by default.
    #[serde(default = "valid")]
    pub padding: Padding,
}

impl Default for AveragePooling1d {
    fn default() -> Self {
        AveragePooling1d::new(two_steps())
    }
}

impl AveragePooling1d {
    /// Windows of this length, side by side.
    pub fn new(pool_size: usize) -> Self {
        AveragePooling1d { pool_size, strides: None, padding: valid() }
    }

    /// With this step of the window.
    pub fn strides(self, strides: usize) -> Self {
        AveragePooling1d { strides: Some(strides), ..self }
    }
}

setters!(AveragePooling1d {
    /// With this padding.
    padding: Padding,
});

impl Layer for AveragePooling1d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let (x, _) = as_row(b, x)?;
        let steps = self.strides.map(|steps| [1, steps]);
        let pool_size = [1, self.pool_size];
        let strides = strides(b, pool_size, steps, self.padding)?;
        let y = b.graph.push(ops::AveragePool2d { pool_size, strides, padding: self.padding }, &[x])?;
        as_sequence(b, y)
    }
}
