//! Softmax over one axis.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// `y = exp(x) / Σ exp(x)` over one axis: any `[B, …]` in, the same out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Softmax {
    /// The axis, counted from the end if negative; -1 by default.
    pub axis: isize,
}

impl Default for Softmax {
    fn default() -> Self {
        Softmax { axis: -1 }
    }
}

impl Softmax {
    /// Over the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over this axis.
    pub fn axis(self, axis: isize) -> Self {
        Softmax { axis }
    }
}

impl Layer for Softmax {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let axis = b.axis("axis", x, self.axis)?;
        let last = b.graph.shape(x).rank() - 1;
        if axis == last {
            return Ok(b.graph.softmax(x)?);
        }
        let mut order: Vec<usize> = (0..=last).collect();
        order.swap(axis, last);
        let turned = b.graph.transpose(x, &order)?;
        let y = b.graph.softmax(turned)?;
        Ok(b.graph.transpose(y, &order)?)
    }
}
