//! An exponential linear unit.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// `y = x` where positive, else `alpha·(exp(x) - 1)`: any shape in, the same out.
///
/// Source: Clevert, Unterthiner and Hochreiter 2016; default as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Elu {
    /// The scale of the negative part; 1 by default.
    pub alpha: f64,
}

impl Default for Elu {
    fn default() -> Self {
        Elu { alpha: 1.0 }
    }
}

impl Elu {
    /// With this scale of the negative part.
    pub fn new(alpha: f64) -> Self {
        Elu { alpha }
    }
}

impl Layer for Elu {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        if !self.alpha.is_finite() {
            return Err(b.error(format!("alpha must be a number, got {}", self.alpha)));
        }
        Ok(b.graph.elu(x, self.alpha)?)
    }
}
