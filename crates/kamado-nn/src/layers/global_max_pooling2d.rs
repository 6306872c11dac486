//! The largest value over an image.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::convolution::setters;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The largest value of each channel: `[B, height, width, channels] → [B, channels]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalMaxPooling2d {
    /// Whether the axes stay, with extent 1: `[B, 1, 1, channels]`; false by default.
    pub keepdims: bool,
}

impl GlobalMaxPooling2d {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(GlobalMaxPooling2d {
    /// With or without the axes that it reduces.
    keepdims: bool,
});

impl Layer for GlobalMaxPooling2d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        b.image(x)?;
        Ok(b.graph.max(x, &[1, 2], self.keepdims)?)
    }
}
