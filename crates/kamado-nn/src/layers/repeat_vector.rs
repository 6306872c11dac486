//! A vector at every time step.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The same vector `n` times: `[B, F] → [B, n, F]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatVector {
    /// How often.
    pub n: usize,
}

impl RepeatVector {
    /// `n` times.
    pub fn new(n: usize) -> Self {
        RepeatVector { n }
    }
}

impl Layer for RepeatVector {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        b.at_least_one("n", &[self.n])?;
        let &[width] = b.features(x)?.as_slice() else {
            return Err(b.error(format!("expected an input [B, features], got {}", b.graph.shape(x))));
        };
        let column = b.graph.reshape(x, Shape::batched(&[1, width]))?;
        Ok(b.graph.expand(column, Shape::batched(&[self.n, width]))?)
    }
}
