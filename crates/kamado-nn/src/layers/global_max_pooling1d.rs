//! The largest value over a sequence.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::convolution::setters;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The largest value of each channel: `[B, T, channels] → [B, channels]`.
///
/// As in Keras, the padding of a padded sequence counts too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalMaxPooling1d {
    /// Whether the axes stay, with extent 1: `[B, 1, channels]`; false by default.
    pub keepdims: bool,
}

impl GlobalMaxPooling1d {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(GlobalMaxPooling1d {
    /// With or without the axes that it reduces.
    keepdims: bool,
});

impl Layer for GlobalMaxPooling1d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        b.sequence(x)?;
        b.set_mask(None);
        Ok(b.graph.max(x, &[1], self.keepdims)?)
    }
}
