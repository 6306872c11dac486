//! A fully connected layer that uses the weights of another.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::dense::{yes, zeros};
use super::{Activation, Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = activation(x · Wᵀ + bias)` with the table of an embedding or the kernel of a dense layer as `W [n, m]`:
/// `[B, …, m] → [B, …, n]`. Both layers train the same weights: the projection of a language model onto its vocabulary, or
/// the decoder of an autoencoder.
///
/// Weights: `bias [n]`; `W` belongs to the other layer.
///
/// Source: Press and Wolf, "Using the Output Embedding to Improve Language Models", 2017.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TiedDense {
    /// The name of the other layer: an earlier `embedding` or `dense` layer of the same model.
    pub tied_to: String,
    /// Applied to the result; linear by default.
    #[serde(default)]
    pub activation: Activation,
    /// Whether a bias is added; true by default.
    #[serde(default = "yes")]
    pub use_bias: bool,
    /// How the bias starts; zeros by default.
    #[serde(default = "zeros")]
    pub bias_initializer: Initializer,
}

impl TiedDense {
    /// Tied to the layer of this name, with a bias.
    pub fn new(tied_to: impl Into<String>) -> Self {
        TiedDense {
            tied_to: tied_to.into(),
            activation: Activation::default(),
            use_bias: yes(),
            bias_initializer: zeros(),
        }
    }

    /// With this activation.
    pub fn activation(self, activation: Activation) -> Self {
        TiedDense { activation, ..self }
    }

    /// With or without a bias.
    pub fn use_bias(self, use_bias: bool) -> Self {
        TiedDense { use_bias, ..self }
    }

    /// With a bias that starts like this.
    pub fn bias_initializer(self, bias_initializer: Initializer) -> Self {
        TiedDense { bias_initializer, ..self }
    }
}

impl Layer for TiedDense {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let weights = b.weight_of(&self.tied_to, &["embeddings", "kernel"]);
        let shape = weights.map(|id| b.graph.variables()[id.index()].shape.clone());
        let (Some(weights), Some(&[units, width])) = (weights, shape.as_deref()) else {
            return Err(b.error(format!(
                "tied_to names {:?}, which is no earlier embedding or dense layer of this model",
                self.tied_to
            )));
        };
        if b.features(x)?.last() != Some(&width) {
            return Err(b.error(format!(
                "expected an input [B, …, {width}], since the weights of {:?} are [{units}, {width}]; got {}",
                self.tied_to,
                b.graph.shape(x)
            )));
        }
        let weights = b.graph.read(weights)?;
        let mut y = b.graph.matmul(x, weights, false, true)?;
        if self.use_bias {
            let bias = b.trainable("bias", &[units], self.bias_initializer)?;
            y = b.graph.add(y, bias)?;
        }
        self.activation.apply(b, y)
    }
}
