//! A fully connected layer.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Activation, Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = activation(x · kernel + bias)`: `[B, …, in] → [B, …, units]`; the last axis is transformed, as in Keras.
///
/// Weights: `kernel [in, units]`, `bias [units]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// The number of units.
    pub units: usize,
    /// Applied to the result; linear by default.
    #[serde(default)]
    pub activation: Activation,
    /// Whether a bias is added; true by default.
    #[serde(default = "yes")]
    pub use_bias: bool,
    /// How the kernel starts; glorot_uniform by default.
    #[serde(default = "glorot_uniform")]
    pub kernel_initializer: Initializer,
    /// How the bias starts; zeros by default.
    #[serde(default = "zeros")]
    pub bias_initializer: Initializer,
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn glorot_uniform() -> Initializer {
    Initializer::GlorotUniform
}

pub(super) fn zeros() -> Initializer {
    Initializer::Zeros
}

impl Dense {
    /// A layer of `units` units with Keras's defaults.
    pub fn new(units: usize) -> Self {
        Dense {
            units,
            activation: Activation::Linear,
            use_bias: yes(),
            kernel_initializer: glorot_uniform(),
            bias_initializer: zeros(),
        }
    }

    /// With this activation.
    pub fn activation(self, activation: Activation) -> Self {
        Dense { activation, ..self }
    }

    /// With or without a bias.
    pub fn use_bias(self, use_bias: bool) -> Self {
        Dense { use_bias, ..self }
    }

    /// With a kernel that starts like this.
    pub fn kernel_initializer(self, kernel_initializer: Initializer) -> Self {
        Dense { kernel_initializer, ..self }
    }

    /// With a bias that starts like this.
    pub fn bias_initializer(self, bias_initializer: Initializer) -> Self {
        Dense { bias_initializer, ..self }
    }
}

impl Layer for Dense {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        b.at_least_one("units", &[self.units])?;
        let features = b.features(x)?;
        let Some(&last) = features.last() else {
            return Err(b.error(
                "expected an input [B, …, features], got [B]: one number per example without an axis; add a reshape \
                 layer with target_shape [1] before it",
            ));
        };
        let kernel = b.trainable("kernel", &[last, self.units], self.kernel_initializer)?;
        let mut y = b.graph.matmul(x, kernel, false, false)?;
        if self.use_bias {
            let bias = b.trainable("bias", &[self.units], self.bias_initializer)?;
            y = b.graph.add(y, bias)?;
        }
        self.activation.apply(b, y)
    }
}
