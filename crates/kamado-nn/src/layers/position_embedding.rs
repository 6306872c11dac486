//! Learned positions.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Gather;
use serde::{Deserialize, Serialize};

use super::parts::sequence;
use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// Adds a learned vector to each time step: `y[b, t] = x[b, t] + embeddings[t]`, `[B, T, F] → [B, T, F]`.
///
/// Unlike `keras_hub.layers.PositionEmbedding`, whose result is the positions alone, this adds them, so that it can follow an
/// embedding in a sequential model.
///
/// Weights: `embeddings [sequence_length, F]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionEmbedding {
    /// The greatest number of time steps.
    pub sequence_length: usize,
    /// How the vectors start; glorot_uniform by default.
    #[serde(default = "super::dense::glorot_uniform")]
    pub initializer: Initializer,
}

impl PositionEmbedding {
    /// Vectors for up to `sequence_length` time steps.
    pub fn new(sequence_length: usize) -> Self {
        PositionEmbedding { sequence_length, initializer: Initializer::GlorotUniform }
    }

    /// With vectors that start like this.
    pub fn initializer(self, initializer: Initializer) -> Self {
        PositionEmbedding { initializer, ..self }
    }
}

impl Layer for PositionEmbedding {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [steps, features] = sequence(b, x)?;
        if steps > self.sequence_length {
            return Err(b.error(format!(
                "its input has {steps} time steps, but sequence_length is {}; make it at least {steps}",
                self.sequence_length
            )));
        }
        let mut table = b.trainable("embeddings", &[self.sequence_length, features], self.initializer)?;
        if b.decodes() {
            let position = b.position()?;
            table = b.graph.gather(table, position, Gather::default())?;
        } else if steps < self.sequence_length {
            table = b.graph.slice(table, 0, 0, steps)?;
        }
        Ok(b.graph.add(x, table)?)
    }
}
