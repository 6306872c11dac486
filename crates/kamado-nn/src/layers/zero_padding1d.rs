//! Zeros around a sequence.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::text_or_table::pair;

/// Zeros before and after the time steps: `[B, T, F] → [B, before + T + after, F]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZeroPadding1d {
    /// How many steps before and after; one number for both; 1 by default.
    #[serde(default = "one", deserialize_with = "pair")]
    pub padding: [usize; 2],
}

fn one() -> [usize; 2] {
    [1, 1]
}

impl Default for ZeroPadding1d {
    fn default() -> Self {
        ZeroPadding1d { padding: one() }
    }
}

impl ZeroPadding1d {
    /// With so many steps before and after.
    pub fn new(padding: [usize; 2]) -> Self {
        ZeroPadding1d { padding }
    }
}

impl Layer for ZeroPadding1d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        b.sequence(x)?;
        let [before, after] = self.padding;
        Ok(b.graph.pad(x, &[0, before, 0], &[0, after, 0])?)
    }
}
