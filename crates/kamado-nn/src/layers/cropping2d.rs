//! An image without its border.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::one_or_more::sides;

/// Leaves out rows and columns: `[B, H, W, C] → [B, H - top - bottom, W - left - right, C]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cropping2d {
    /// `[[top, bottom], [left, right]]`; `[height, width]` for both sides of each; one number for all; 0 by default.
    #[serde(default, deserialize_with = "sides")]
    pub cropping: [[usize; 2]; 2],
}

impl Cropping2d {
    /// Without `[[top, bottom], [left, right]]` rows and columns.
    pub fn new(cropping: [[usize; 2]; 2]) -> Self {
        Cropping2d { cropping }
    }
}

impl Layer for Cropping2d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [height, width, _] = b.image(x)?;
        let rows = b.crop(x, 1, height, self.cropping[0])?;
        b.crop(rows, 2, width, self.cropping[1])
    }
}
