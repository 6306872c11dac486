//! The mean over a sequence.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::convolution::setters;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The mean of each channel: `[B, T, channels] → [B, channels]`.
///
/// Of a padded sequence, whose mask says which steps are real, only those count; of one without any, the mean is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalAveragePooling1d {
    /// Whether the axes stay, with extent 1: `[B, 1, channels]`; false by default.
    pub keepdims: bool,
}

impl GlobalAveragePooling1d {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(GlobalAveragePooling1d {
    /// With or without the axes that it reduces.
    keepdims: bool,
});

impl Layer for GlobalAveragePooling1d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [steps, _] = b.sequence(x)?;
        b.set_mask(None);
        let Some(mask) = b.mask(0) else {
            return Ok(b.graph.mean(x, &[1], self.keepdims)?);
        };
        let mask = b.graph.reshape(mask, Shape::batched(&[steps, 1]))?;
        let real = b.graph.mul(x, mask)?;
        let sum = b.graph.sum(real, &[1], self.keepdims)?;
        let count = b.graph.sum(mask, &[1], self.keepdims)?;
        let one = b.graph.constant(1.0, Shape::scalar())?;
        let count = b.graph.maximum(count, one)?;
        Ok(b.graph.div(sum, count)?)
    }
}
