//! A block of a transformer that writes: causal self-attention, attention to what is read, then two dense layers.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::parts::sequence;
use super::transformer::{Block, block_layer};
use super::{Activation, Layer, LayerBuilder};
use crate::error::NnError;

block_layer! {
    /// A block of a transformer that writes: causal self-attention, with a second input attention to it, then two dense
    /// layers, each with a residual connection and normalised before (`norm_first`) or after.
    ///
    /// Inputs: the sequence that is written `[B, T, F]` and, optionally, the one that is read `[B, S, G]` → `[B, T, F]`.
    ///
    /// Weights: those of transformer_encoder and, with a second input, `cross_attention.…` and `cross_attention_layer_norm`.
    ///
    /// Source: Vaswani et al., "Attention is all you need", 2017; `keras_hub.layers.TransformerDecoder`.
    TransformerDecoder {}
}

impl Layer for TransformerDecoder {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (mut x, memory) = match *inputs {
            [x] => (x, None),
            [x, memory] => (x, Some(memory)),
            _ => {
                let got = inputs.len();
                return Err(
                    b.error(format!("expected the sequence to write and perhaps one to read, got {got} inputs"))
                );
            }
        };
        let block = self.block();
        block.check(b, x)?;
        x = block.attention(b, "self_attention", x, None, b.mask(0), true)?;
        if let Some(memory) = memory {
            sequence(b, memory)?;
            x = block.attention(b, "cross_attention", x, Some(memory), b.mask(1), false)?;
        }
        b.set_mask(b.mask(0));
        block.feedforward(b, x)
    }
}
