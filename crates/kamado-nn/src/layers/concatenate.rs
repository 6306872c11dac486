//! Several inputs next to each other.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// Two or more inputs, one after the other along an axis: `[.., Nₖ, ..] → [.., Σ Nₖ, ..]`. All other extents are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenate {
    /// The axis, counted as in Keras: 1 is the first behind the batch, -1, the default, the last.
    #[serde(default = "last")]
    pub axis: isize,
}

fn last() -> isize {
    -1
}

impl Default for Concatenate {
    fn default() -> Self {
        Concatenate { axis: last() }
    }
}

impl Concatenate {
    /// Along the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Along this axis.
    pub fn axis(self, axis: isize) -> Self {
        Concatenate { axis }
    }
}

impl Layer for Concatenate {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (Some(&first), true) = (inputs.first(), inputs.len() > 1) else {
            return Err(b.error(format!(
                "expected two or more inputs, got {}; layers that merge need the functional builder",
                inputs.len()
            )));
        };
        let axis = b.axis("axis", first, self.axis)?;
        Ok(b.graph.concatenate(inputs, axis)?)
    }
}
