//! Zeros around an image.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::one_or_more::sides;

/// Zeros above, below, left and right: `[B, H, W, C] → [B, top + H + bottom, left + W + right, C]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZeroPadding2d {
    /// `[[top, bottom], [left, right]]`; `[height, width]` for both sides of each; one number for all; 1 by default.
    #[serde(default = "one", deserialize_with = "sides")]
    pub padding: [[usize; 2]; 2],
}

fn one() -> [[usize; 2]; 2] {
    [[1, 1]; 2]
}

impl Default for ZeroPadding2d {
    fn default() -> Self {
        ZeroPadding2d { padding: one() }
    }
}

impl ZeroPadding2d {
    /// With `[[top, bottom], [left, right]]` rows and columns.
    pub fn new(padding: [[usize; 2]; 2]) -> Self {
        ZeroPadding2d { padding }
    }
}

impl Layer for ZeroPadding2d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        b.image(x)?;
        let [[top, bottom], [left, right]] = self.padding;
        Ok(b.graph.pad(x, &[0, top, left, 0], &[0, bottom, right, 0])?)
    }
}
