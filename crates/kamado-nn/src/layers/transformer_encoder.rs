//! A block of a transformer: self-attention, then two dense layers.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::transformer::{Block, block_layer};
use super::{Activation, Layer, LayerBuilder};
use crate::error::NnError;

block_layer! {
    /// A block of a transformer: `x + attention(x)`, then `x + dense(activation(dense(x)))`, each normalised over the features,
    /// before (`norm_first`) or after. `[B, T, F] → [B, T, F]`. With `causal` and `norm_first` it is the block of GPT-2.
    ///
    /// Weights: `self_attention.…` as of multi_head_attention, `feedforward_intermediate_dense.kernel [F, intermediate_dim]`,
    /// `feedforward_output_dense.kernel [intermediate_dim, F]`, their biases, and `gamma` and `beta` of
    /// `self_attention_layer_norm` and `feedforward_layer_norm`.
    ///
    /// Sources: Vaswani et al., "Attention is all you need", 2017; Xiong et al., "On layer normalization in the transformer
    /// architecture", 2020; `keras_hub.layers.TransformerEncoder`.
    TransformerEncoder {
        /// Whether a time step sees only those before it and itself; false by default.
        causal
    }
}

impl TransformerEncoder {
    /// With or without a view of later time steps.
    pub fn causal(self, causal: bool) -> Self {
        TransformerEncoder { causal, ..self }
    }
}

impl Layer for TransformerEncoder {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (x, block) = (b.one(inputs)?, self.block());
        block.check(b, x)?;
        let x = block.attention(b, "self_attention", x, None, b.mask(0), self.causal)?;
        block.feedforward(b, x)
    }
}
