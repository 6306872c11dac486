//! A rectifier whose leak is learned.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::dense::zeros;
use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = max(x, 0) + alpha·min(x, 0)`: any `[B, …]` in, the same out.
///
/// Weights: `alpha`, of the input's shape without the batch axis, with an extent of 1 along the shared axes.
///
/// Source: He et al., "Delving deep into rectifiers", 2015; defaults as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PRelu {
    /// How alpha starts; zeros by default.
    pub alpha_initializer: Initializer,
    /// The axes along which one alpha is used, counted from 1 behind the batch axis, such as `[1, 2]` for images; none
    /// by default.
    pub shared_axes: Vec<usize>,
}

impl Default for PRelu {
    fn default() -> Self {
        PRelu { alpha_initializer: zeros(), shared_axes: Vec::new() }
    }
}

impl PRelu {
    /// With Keras's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// With an alpha that starts like this.
    pub fn alpha_initializer(self, alpha_initializer: Initializer) -> Self {
        PRelu { alpha_initializer, ..self }
    }

    /// With one alpha along these axes.
    pub fn shared_axes(self, shared_axes: impl Into<Vec<usize>>) -> Self {
        PRelu { shared_axes: shared_axes.into(), ..self }
    }
}

impl Layer for PRelu {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let mut extents = b.features(x)?;
        for &axis in &self.shared_axes {
            match axis.checked_sub(1).and_then(|i| extents.get_mut(i)) {
                Some(extent) => *extent = 1,
                None => {
                    let (shape, last) = (b.graph.shape(x).clone(), extents.len());
                    return Err(b.error(format!(
                        "shared_axes must be between 1 and {last} for an input of shape {shape}, got {axis}; axis 0 is \
                         the batch"
                    )));
                }
            }
        }
        let alpha = b.trainable("alpha", &extents, self.alpha_initializer)?;
        let zero = b.graph.constant(0.0, Shape::scalar())?;
        let positive = b.graph.maximum(x, zero)?;
        let negative = b.graph.minimum(x, zero)?;
        let leak = b.graph.mul(alpha, negative)?;
        Ok(b.graph.add(positive, leak)?)
    }
}
