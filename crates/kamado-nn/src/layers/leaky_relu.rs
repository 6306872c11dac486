//! A rectifier that leaks.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// `y = x` where positive, else `negative_slope·x`: any shape in, the same out.
///
/// Source: Maas, Hannun and Ng 2013; default as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeakyRelu {
    /// The slope for negative `x`, at least 0; 0.3 by default.
    pub negative_slope: f64,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        LeakyRelu { negative_slope: 0.3 }
    }
}

impl LeakyRelu {
    /// With this slope for negative `x`.
    pub fn new(negative_slope: f64) -> Self {
        LeakyRelu { negative_slope }
    }
}

impl Layer for LeakyRelu {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        if !(self.negative_slope >= 0.0 && self.negative_slope.is_finite()) {
            return Err(b.error(format!("negative_slope must be at least 0, got {}", self.negative_slope)));
        }
        Ok(b.graph.leaky_relu(x, self.negative_slope)?)
    }
}
