//! A recurrent layer run both ways.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::RecurrentResult;
use serde::{Deserialize, Serialize};

use super::recurrent::{Settings, settings};
use super::{Layer, LayerBuilder, LayerConfig};
use crate::error::NnError;

/// A recurrent layer run from the first step to the last and, with weights of its own, from the last to the first: `[B, T, in]
/// → [B, T, 2·units]` if the layer returns sequences, in the order of time, else `[B, 2·units]`, the state of each at its end;
/// `units` instead of `2·units` unless the results are concatenated.
///
/// Weights: those of the layer twice, named `forward_<kind>.<weight>` and `backward_<kind>.<weight>`.
/// Source: Schuster and Paliwal 1997; as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bidirectional {
    /// The recurrent layer: lstm, gru or simple_rnn.
    pub layer: Box<LayerConfig>,
    /// How the two results become one; concat by default.
    #[serde(default)]
    pub merge_mode: MergeMode,
}

/// How the results of both directions become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMode {
    /// Side by side, forward first.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product, element by element.
    Mul,
    /// Their mean.
    Ave,
}

impl Bidirectional {
    /// `layer` both ways, the results concatenated.
    pub fn new(layer: impl Into<LayerConfig>) -> Self {
        Bidirectional { layer: Box::new(layer.into()), merge_mode: MergeMode::Concat }
    }

    /// With results that become one like this.
    pub fn merge_mode(self, merge_mode: MergeMode) -> Self {
        Bidirectional { merge_mode, ..self }
    }
}

impl Layer for Bidirectional {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let kind = self.layer.kind();
        let Some(forward) = settings(b, &self.layer)? else {
            return Err(b.error(format!("expected a recurrent layer (lstm, gru or simple_rnn), got {kind}")));
        };
        if forward.go_backwards {
            return Err(b.error("runs both ways by itself; leave out go_backwards of the layer within"));
        }
        let result = if forward.return_sequences { RecurrentResult::Sequence } else { RecurrentResult::Last };
        let there = forward.run(b, &[x], &format!("forward_{kind}."), result)?;
        let backward = Settings { go_backwards: true, ..forward };
        let back = backward.run(b, &[x], &format!("backward_{kind}."), result)?;
        Ok(match self.merge_mode {
            MergeMode::Concat => b.graph.concatenate(&[there, back], b.graph.shape(there).rank() - 1)?,
            MergeMode::Sum => b.graph.add(there, back)?,
            MergeMode::Mul => b.graph.mul(there, back)?,
            MergeMode::Ave => {
                let sum = b.graph.add(there, back)?;
                b.graph.scale(sum, 0.5)?
            }
        })
    }
}
