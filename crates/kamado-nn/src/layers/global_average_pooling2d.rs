//! The mean over an image.

use kamado_graph::graph::NodeId;

use super::no_settings::no_settings;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The mean of each channel: `[B, height, width, channels] → [B, channels]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GlobalAveragePooling2d;

no_settings!(GlobalAveragePooling2d);

impl Layer for GlobalAveragePooling2d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        b.image(x)?;
        Ok(b.graph.mean(x, &[1, 2], false)?)
    }
}
