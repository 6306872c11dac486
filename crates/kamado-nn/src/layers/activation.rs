//! Activation functions, and the layer that applies one.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// A function applied to a layer's result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `y = x`.
    #[default]
    Linear,
    /// `y = max(x, 0)`.
    Relu,
    /// `y = 1 / (1 + exp(-x))`.
    Sigmoid,
    /// `y = tanh(x)`.
    Tanh,
    /// `y = exp(x) / Σ exp(x)`, over the last axis.
    Softmax,
}

impl Activation {
    /// Adds the function to the graph.
    ///
    /// # Errors
    /// [`NnError::Layer`] if softmax has no axis to run over.
    pub fn apply(self, b: &mut LayerBuilder<'_>, x: NodeId) -> Result<NodeId, NnError> {
        if self == Activation::Softmax && b.features(x)?.is_empty() {
            return Err(b.error("softmax needs an axis behind the batch axis, but the input is one number per example"));
        }
        Ok(match self {
            Activation::Linear => x,
            Activation::Relu => b.graph.relu(x)?,
            Activation::Sigmoid => b.graph.sigmoid(x)?,
            Activation::Tanh => b.graph.tanh(x)?,
            Activation::Softmax => b.graph.softmax(x)?,
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
