//! Time steps that do not count.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// Marks the time steps of `[B, T, …]` whose every feature is `mask_value`: they become zeros, and layers that know masks skip
/// them. As in Keras.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masking {
    /// The value; 0 by default.
    #[serde(default)]
    pub mask_value: f64,
}

impl Masking {
    /// Marks steps that are all `mask_value`.
    pub fn new(mask_value: f64) -> Self {
        Masking { mask_value }
    }
}

impl Layer for Masking {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let features = b.features(x)?;
        if features.len() < 2 || !self.mask_value.is_finite() {
            let shape = b.graph.shape(x);
            return Err(b.error(format!(
                "expected a finite mask_value and an input [B, time, features], got {} and {shape}",
                self.mask_value
            )));
        }
        let value = b.graph.constant(self.mask_value, Shape::scalar())?;
        let distance = b.graph.sub(x, value)?;
        let distance = b.graph.abs(distance)?;
        let axes: Vec<usize> = (2..=features.len()).collect();
        let largest = b.graph.max(distance, &axes, true)?;
        let real = b.graph.sign(largest)?;
        let mask = b.graph.reshape(real, Shape::batched(&features[..1]))?;
        b.set_mask(Some(mask));
        Ok(b.graph.mul(x, real)?)
    }
}
