//! All axes of an example in one.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;

use super::no_settings::no_settings;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// Row-major flattening: `[B, a, b, …] → [B, a·b·…]`; `[B] → [B, 1]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flatten;

no_settings!(Flatten);

impl Layer for Flatten {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        // The input's own shape has passed the check for overflow.
        let n = b.features(x)?.iter().product();
        Ok(b.graph.reshape(x, Shape::batched(&[n]))?)
    }
}
