//! What layers add to a graph that takes one new token at a time: memories of the tokens before it.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::{Shape, TensorType};

use super::{LayerBuilder, LayerConfig, Mode};
use crate::error::NnError;

/// A memory that is an input of a decoding graph and follows from an output of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Memory {
    /// The name of the input: what is known of the tokens before the new one.
    pub input: String,
    /// The name of the output: what the new one adds.
    pub output: String,
    /// The elements that a token adds, for each sequence.
    pub width: usize,
    /// Whether the input keeps all tokens, `[B, T, …]`, of which the output is one, `[B, 1, …]`; otherwise the output is the
    /// next input, `[B, width]`.
    pub per_token: bool,
}

/// What the layers of a decoding graph have declared so far.
#[derive(Debug, Default)]
pub(crate) struct Decoding {
    /// The most tokens of a sequence.
    pub(crate) tokens: usize,
    /// `i32 [B, 1]`
    pub(crate) position: Option<NodeId>,
    /// `[B, T + 1]`
    seen: Option<NodeId>,
    pub(crate) memories: Vec<Memory>,
}

impl Decoding {
    /// The input that says where the new token stands, `i32 [B, 1]`.
    pub(crate) const POSITION: &'static str = "decoding.position";
    /// The input that says which rows of the memories are tokens before the new one, `[B, T]`.
    pub(crate) const FILLED: &'static str = "decoding.filled";
}

impl LayerBuilder<'_> {
    /// Whether the graph takes one new token at a time.
    pub(super) fn decodes(&self) -> bool {
        self.mode == Mode::Decode
    }

    /// Where the new token stands in its sequence, `i32 [B, 1]`.
    pub(super) fn position(&mut self) -> Result<NodeId, NnError> {
        if let Some(position) = self.weights.decoding.position {
            return Ok(position);
        }
        let position = self.graph.input(Decoding::POSITION, TensorType::i32(Shape::batched(&[1])))?;
        self.weights.decoding.position = Some(position);
        Ok(position)
    }

    /// Which rows of [`Self::remembered`] are tokens, `[B, T + 1]`.
    pub(super) fn seen(&mut self) -> Result<NodeId, NnError> {
        if let Some(seen) = self.weights.decoding.seen {
            return Ok(seen);
        }
        let filled = Shape::batched(&[self.weights.decoding.tokens]);
        let filled = self.graph.input(Decoding::FILLED, TensorType::f32(filled))?;
        let new = self.graph.constant(1.0, Shape::batched(&[1]))?;
        let seen = self.graph.concatenate(&[filled, new], 1)?;
        self.weights.decoding.seen = Some(seen);
        Ok(seen)
    }

    /// `new [B, 1, N, D]` behind the same of all tokens before it, `[B, T + 1, N, D]`.
    pub(super) fn remembered(&mut self, what: &str, new: NodeId) -> Result<NodeId, NnError> {
        let extents = self.features(new)?;
        let width = extents[1..].iter().product();
        let shape = [&[self.weights.decoding.tokens], &extents[1..]].concat();
        let before = self.memory(what, &shape, width, true)?;
        self.remember(what, new);
        Ok(self.graph.concatenate(&[before, new], 1)?)
    }

    /// The state `[B, width]` behind the token before the new one; zero before the first.
    pub(super) fn state(&mut self, what: &str, width: usize) -> Result<NodeId, NnError> {
        self.memory(what, &[width], width, false)
    }

    /// Names what the new token adds to a memory.
    pub(super) fn remember(&mut self, what: &str, new: NodeId) {
        let name = format!("new.{}.{what}", self.name);
        self.graph.set_output(&name, new);
    }

    fn memory(&mut self, what: &str, shape: &[usize], width: usize, per_token: bool) -> Result<NodeId, NnError> {
        let [input, output] = ["memory", "new"].map(|part| format!("{part}.{}.{what}", self.name));
        let node = self.graph.input(&input, TensorType::f32(Shape::batched(shape)))?;
        self.weights.decoding.memories.push(Memory { input, output, width, per_token });
        Ok(node)
    }

    /// Refuses, in a decoding graph, a layer that mixes time steps and has no rule for it. The layers named here treat each
    /// time step by itself, or have one.
    pub(crate) fn check_decoding(&self, layer: &LayerConfig) -> Result<(), NnError> {
        use LayerConfig::*;
        let fits = match layer {
            Embedding(_) | PositionEmbedding(_) | SinePositionEncoding(_) => true,
            MultiHeadAttention(_) | TransformerEncoder(_) | TransformerDecoder(_) => true,
            Lstm(_) | Gru(_) | SimpleRnn(_) | Nested(_) => true,
            Dense(_) | TiedDense(_) | Dropout(_) | GaussianNoise(_) | Activation(_) | Elu(_) | LeakyRelu(_)
            | PRelu(_) => true,
            LayerNormalization(_) | RmsNormalization(_) | BatchNormalization(_) => true,
            Add(_) | Subtract(_) | Multiply(_) | Average(_) | Maximum(_) | Minimum(_) | Concatenate(_) => true,
            LayerConfig::Softmax(super::Softmax { axis }) => *axis == -1,
            _ => false,
        };
        match fits || !self.decodes() {
            true => Ok(()),
            false => Err(self.error("mixes time steps, so it cannot run on one new token at a time")),
        }
    }
}
