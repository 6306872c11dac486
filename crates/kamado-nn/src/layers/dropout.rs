//! Random zeros while training.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder, Mode};
use crate::error::NnError;

/// While training, each element is zero with probability `rate`, and the others are divided by `1 - rate`; in
/// prediction and evaluation, nothing happens. Any shape in, the same out.
///
/// Source: Srivastava et al. 2014, in the inverted form that Keras uses.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The probability of a zero, in `[0, 1)`.
    pub rate: f64,
}

impl Dropout {
    /// Zeros with probability `rate`.
    pub fn new(rate: f64) -> Self {
        Dropout { rate }
    }
}

impl Layer for Dropout {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        if !(0.0..1.0).contains(&self.rate) {
            return Err(b.error(format!(
                "rate must be at least 0 and less than 1, got {}; it is the share of elements that is dropped",
                self.rate
            )));
        }
        if b.mode != Mode::Training || self.rate == 0.0 {
            return Ok(x);
        }
        let stream = b.stream();
        Ok(b.graph.dropout(x, self.rate, stream)?)
    }
}
