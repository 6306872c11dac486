//! The axes of an example in another order.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// Axis `i` of the result is axis `dims[i]` of the input, both counted from 1 behind the batch, as in Keras.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permute {
    /// A reordering of `1, 2, …`.
    pub dims: Vec<usize>,
}

impl Permute {
    /// To this order.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Permute { dims: dims.into() }
    }
}

impl Layer for Permute {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let axes = b.features(x)?.len();
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(1..=axes) {
            return Err(b.error(format!("dims must be the numbers 1 to {axes} in some order, got {:?}", self.dims)));
        }
        let permutation: Vec<usize> = std::iter::once(0).chain(self.dims.iter().copied()).collect();
        Ok(b.graph.transpose(x, &permutation)?)
    }
}
