//! Positions as sines and cosines.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::{Gather, SinusoidalPositions};
use serde::{Deserialize, Serialize};

use super::parts::sequence;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// Adds sines and cosines of the position to each time step, `[B, T, F] → [B, T, F]`: `y[b, t, j] = x[b, t, j] + sin(t / w^(j / F))`
/// for even `j`, `cos(t / w^((j - 1) / F))` for odd `j`, with `w = max_wavelength`.
///
/// Unlike `keras_hub.layers.SinePositionEncoding`, whose result is the positions alone, this adds them, so that it can follow
/// an embedding in a sequential model. Source: Vaswani et al., "Attention is all you need", 2017, section 3.5.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinePositionEncoding {
    /// The longest wavelength over 2π; 10000 by default.
    #[serde(default = "max_wavelength")]
    pub max_wavelength: f64,
}

fn max_wavelength() -> f64 {
    10_000.0
}

impl Default for SinePositionEncoding {
    fn default() -> Self {
        SinePositionEncoding { max_wavelength: max_wavelength() }
    }
}

impl SinePositionEncoding {
    /// With a longest wavelength of 2π · 10000.
    pub fn new() -> Self {
        SinePositionEncoding::default()
    }

    /// With this longest wavelength over 2π.
    pub fn max_wavelength(self, max_wavelength: f64) -> Self {
        SinePositionEncoding { max_wavelength }
    }
}

impl Layer for SinePositionEncoding {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [len, dim] = sequence(b, x)?;
        if !(self.max_wavelength > 0.0 && self.max_wavelength.is_finite()) {
            return Err(b.error(format!("max_wavelength must be greater than 0, got {}", self.max_wavelength)));
        }
        let len = if b.decodes() { b.weights.decoding.tokens } else { len };
        let positions = SinusoidalPositions { len, dim, max_wavelength: self.max_wavelength };
        let mut positions = b.graph.push(positions, &[])?;
        if b.decodes() {
            let position = b.position()?;
            positions = b.graph.gather(positions, position, Gather::default())?;
        }
        Ok(b.graph.add(x, positions)?)
    }
}
