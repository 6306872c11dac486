//! A vector for each token.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Gather;
use kamado_graph::shape::Dim;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// The row of a table that each integer of the input names: integer `[B, …] → [B, …, output_dim]`.
///
/// Weights: `embeddings [input_dim, output_dim]`. An integer that is not in `0..input_dim` stops the run with an error.
///
/// Source: Keras `Embedding`; `padding_idx` is that of `torch.nn.Embedding`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// The number of different integers.
    pub input_dim: usize,
    /// The length of a vector.
    pub output_dim: usize,
    /// How the table starts; uniform between -0.05 and 0.05 by default.
    #[serde(default = "uniform")]
    pub embeddings_initializer: Initializer,
    /// Whether 0 is padding: layers that know masks skip its time steps; false by default.
    #[serde(default)]
    pub mask_zero: bool,
    /// An integer whose vector is zero: its row starts at zero and gets no gradient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding_idx: Option<usize>,
}

pub(super) fn uniform() -> Initializer {
    Initializer::RandomUniform { minval: -0.05, maxval: 0.05 }
}

impl Embedding {
    /// A table of `input_dim` vectors of length `output_dim` with Keras's defaults.
    pub fn new(input_dim: usize, output_dim: usize) -> Self {
        let embeddings_initializer = uniform();
        Embedding { input_dim, output_dim, embeddings_initializer, mask_zero: false, padding_idx: None }
    }

    /// With a table that starts like this.
    pub fn embeddings_initializer(self, embeddings_initializer: Initializer) -> Self {
        Embedding { embeddings_initializer, ..self }
    }

    /// With or without 0 as padding.
    pub fn mask_zero(self, mask_zero: bool) -> Self {
        Embedding { mask_zero, ..self }
    }

    /// With a zero vector for this integer.
    pub fn padding_idx(self, padding_idx: usize) -> Self {
        Embedding { padding_idx: Some(padding_idx), ..self }
    }

    /// The vectors with zeros for the padding, which also keeps gradients from its row.
    fn without_padding(&self, b: &mut LayerBuilder<'_>, tokens: NodeId, y: NodeId) -> Result<NodeId, NnError> {
        let Some(index) = self.padding_idx else { return Ok(y) };
        let value = i32::try_from(index).ok().filter(|_| index < self.input_dim);
        let Some(value) = value else {
            return Err(b.error(format!("padding_idx must be less than input_dim {}, got {index}", self.input_dim)));
        };
        let mask = b.graph.token_mask(tokens, value)?;
        let mut shape = b.graph.shape(mask).clone();
        shape.0.push(Dim::ONE);
        let mask = b.graph.reshape(mask, shape)?;
        Ok(b.graph.mul(y, mask)?)
    }
}

impl Layer for Embedding {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let tokens = b.integers(inputs)?;
        b.at_least_one("input_dim and output_dim", &[self.input_dim, self.output_dim])?;
        let table = b.trainable("embeddings", &[self.input_dim, self.output_dim], self.embeddings_initializer)?;
        if let Some(row) = self.padding_idx {
            b.start_with_zero_row("embeddings", row);
        }
        let y = b.graph.gather(table, tokens, Gather::default())?;
        if self.mask_zero && b.graph.shape(tokens).rank() == 2 {
            let mask = b.graph.token_mask(tokens, 0)?;
            b.set_mask(Some(mask));
        }
        self.without_padding(b, tokens, y)
    }
}
