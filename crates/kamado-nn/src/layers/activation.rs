//! Activation functions, and the layer that applies one.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// A function applied to a layer's result: Keras's names, with the defaults of `keras.activations`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `y = x`.
    #[default]
    Linear,
    /// `y = max(x, 0)`.
    Relu,
    /// `y = min(max(x, 0), 6)`.
    Relu6,
    /// `y = x` where positive, else `0.2·x`. The layer [`LeakyRelu`](super::LeakyRelu) takes another slope.
    LeakyRelu,
    /// `y = x` where positive, else `exp(x) - 1`. The layer [`Elu`](super::Elu) takes another scale.
    Elu,
    /// `y = 1.0507·x` where positive, else `1.7581·(exp(x) - 1)` (Klambauer et al. 2017).
    Selu,
    /// `y = x·sigmoid(x)`; `swish` in a recipe is the same.
    #[serde(alias = "swish")]
    Silu,
    /// `y = x·Φ(x)` with the distribution function Φ of the standard normal distribution.
    Gelu,
    /// `y = x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2`: `gelu` with `approximate = true` in Keras.
    GeluTanh,
    /// `y = ln(1 + exp(x))`.
    Softplus,
    /// `y = x / (1 + |x|)`.
    Softsign,
    /// `y = 1 / (1 + exp(-x))`.
    Sigmoid,
    /// `y = min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `y = x·min(max(x + 3, 0), 6) / 6`; `hard_swish` in a recipe is the same.
    #[serde(alias = "hard_swish")]
    HardSilu,
    /// `y = tanh(x)`.
    Tanh,
    /// `y = exp(x)`.
    Exponential,
    /// `y = x·tanh(ln(1 + exp(x)))`.
    Mish,
    /// `y = exp(x) / Σ exp(x)`, over the last axis.
    Softmax,
    /// `y = x - ln Σ exp(x)`, over the last axis.
    LogSoftmax,
}

impl Activation {
    /// Adds the function to the graph.
    ///
    /// # Errors
    /// [`NnError::Layer`] if softmax has no axis to run over.
    pub fn apply(self, b: &mut LayerBuilder<'_>, x: NodeId) -> Result<NodeId, NnError> {
        let over_an_axis = matches!(self, Activation::Softmax | Activation::LogSoftmax);
        if over_an_axis && b.features(x)?.is_empty() {
            return Err(b.error("softmax needs an axis behind the batch axis, but the input is one number per example"));
        }
        Ok(match self {
            Activation::Linear => x,
            Activation::Relu => b.graph.relu(x)?,
            Activation::Relu6 => b.graph.relu6(x)?,
            Activation::LeakyRelu => b.graph.leaky_relu(x, 0.2)?,
            Activation::Elu => b.graph.elu(x, 1.0)?,
            Activation::Selu => b.graph.selu(x)?,
            Activation::Silu => b.graph.silu(x)?,
            Activation::Gelu => b.graph.gelu(x, false)?,
            Activation::GeluTanh => b.graph.gelu(x, true)?,
            Activation::Softplus => b.graph.softplus(x)?,
            Activation::Softsign => b.graph.softsign(x)?,
            Activation::Sigmoid => b.graph.sigmoid(x)?,
            Activation::HardSigmoid => b.graph.hard_sigmoid(x)?,
            Activation::HardSilu => b.graph.hard_silu(x)?,
            Activation::Tanh => b.graph.tanh(x)?,
            Activation::Exponential => b.graph.exp(x)?,
            Activation::Mish => b.graph.mish(x)?,
            Activation::Softmax => b.graph.softmax(x)?,
            Activation::LogSoftmax => b.graph.log_softmax(x)?,
        })
    }
}

/// The layer `Activation`: any shape in, the same out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationLayer {
    /// The function.
    pub activation: Activation,
}

impl ActivationLayer {
    /// Applies `activation`.
    pub fn new(activation: Activation) -> Self {
        ActivationLayer { activation }
    }
}

impl Layer for ActivationLayer {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        self.activation.apply(b, x)
    }
}
