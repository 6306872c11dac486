//! The mean over windows of an image.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use serde::{Deserialize, Serialize};

use super::convolution::valid;
use super::pooling::{strides, two};
use super::{Layer, LayerBuilder, Padding};
use crate::error::NnError;
use crate::text_or_table::{optional_pair, pair};

/// The mean of each window: `[B, height, width, channels] → [B, height', width', channels]`.
///
/// With `valid` padding, `height' = ⌊(height - pool) / stride⌋ + 1`; with `same`, `⌈height / stride⌉`, and only
/// points of the image count.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AveragePooling2d {
    /// Height and width of the window; `[2, 2]` by default; one number stands for both.
    #[serde(default = "two", deserialize_with = "pair")]
    pub pool_size: [usize; 2],
    /// The step of the window; `pool_size` by default.
    #[serde(default, deserialize_with = "optional_pair")]
    pub strides: Option<[usize; 2]>,
    /// Whether windows may reach over the border; `valid` (no) by default.
    #[serde(default = "valid")]
    pub padding: Padding,
}

impl Default for AveragePooling2d {
    fn default() -> Self {
        AveragePooling2d::new(two())
    }
}

impl AveragePooling2d {
    /// Windows of this size, side by side.
    pub fn new(pool_size: [usize; 2]) -> Self {
        AveragePooling2d { pool_size, strides: None, padding: valid() }
    }

    /// With this step of the window.
    pub fn strides(self, strides: [usize; 2]) -> Self {
        AveragePooling2d { strides: Some(strides), ..self }
    }

    /// With this padding.
    pub fn padding(self, padding: Padding) -> Self {
        AveragePooling2d { padding, ..self }
    }
}

impl Layer for AveragePooling2d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        b.image(x)?;
        let strides = strides(b, self.pool_size, self.strides, self.padding)?;
        let op = ops::AveragePool2d { pool_size: self.pool_size, strides, padding: self.padding };
        Ok(b.graph.push(op, &[x])?)
    }
}
