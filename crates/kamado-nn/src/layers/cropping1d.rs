//! A sequence without its ends.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::text_or_table::pair;

/// Leaves out time steps at the start and the end: `[B, T, F] → [B, T - start - end, F]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cropping1d {
    /// How many steps at the start and the end; one number for both; 1 by default.
    #[serde(default = "one", deserialize_with = "pair")]
    pub cropping: [usize; 2],
}

fn one() -> [usize; 2] {
    [1, 1]
}

impl Default for Cropping1d {
    fn default() -> Self {
        Cropping1d { cropping: one() }
    }
}

impl Cropping1d {
    /// Without so many steps at the start and the end.
    pub fn new(cropping: [usize; 2]) -> Self {
        Cropping1d { cropping }
    }
}

impl Layer for Cropping1d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [steps, _] = b.sequence(x)?;
        b.crop(x, 1, steps, self.cropping)
    }
}
