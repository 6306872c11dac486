//! Attention of several heads.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Attention;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::dense::yes;
use super::parts::{check_dropout, project, sequence};
use super::{Layer, LayerBuilder, Mode};
use crate::error::NnError;

/// The longest wavelength of rotary positions over 2π.
const ROTARY_BASE: f64 = 10_000.0;

/// Attention of several heads: `y = concat_h(softmax(q_h k_hᵀ / √key_dim) v_h) · kernel + bias`, where `q_h`, `k_h` and `v_h` are
/// projections of the query, the key and the value.
///
/// Inputs as in Keras: query `[B, T, E]`, value `[B, S, F]` and key `[B, S, G]`, by default the value; with one input it attends
/// to itself. The result is `[B, T, output_shape]`. Keys that the mask of value or key hides are not seen; a query that sees
/// no key attends to nothing, so only the last bias is left of it. The scores are never stored.
///
/// Weights: `query.kernel [E, N, D]`, `query.bias [N, D]`, `key.kernel [G, N, D]`, `key.bias [N, D]`, `value.kernel [F, N, V]`,
/// `value.bias [N, V]`, `attention_output.kernel [N, V, O]`, `attention_output.bias [O]`.
///
/// Source: Vaswani et al., "Attention is all you need", 2017; `keras.layers.MultiHeadAttention`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiHeadAttention {
    /// The number of heads, N.
    pub num_heads: usize,
    /// The features of each head's query and key, D.
    pub key_dim: usize,
    /// The features of each head's value, V; `key_dim` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_dim: Option<usize>,
    /// The share of the probabilities that is dropped while training; 0 by default.
    #[serde(default)]
    pub dropout: f64,
    /// Whether the projections have biases; true by default.
    #[serde(default = "yes")]
    pub use_bias: bool,
    /// The features of the result, O; those of the query by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_shape: Option<usize>,
    /// Whether a query sees only the keys up to its own time step; false by default.
    #[serde(default)]
    pub use_causal_mask: bool,
    /// Whether queries and keys are turned by their positions ("RoFormer", Su et al. 2021); false by default.
    #[serde(default)]
    pub rotary: bool,
}

impl MultiHeadAttention {
    /// `num_heads` heads of `key_dim` features with Keras's defaults.
    pub fn new(num_heads: usize, key_dim: usize) -> Self {
        MultiHeadAttention {
            num_heads,
            key_dim,
            value_dim: None,
            dropout: 0.0,
            use_bias: yes(),
            output_shape: None,
            use_causal_mask: false,
            rotary: false,
        }
    }

    /// With values of this many features.
    pub fn value_dim(self, value_dim: usize) -> Self {
        MultiHeadAttention { value_dim: Some(value_dim), ..self }
    }

    /// Dropping this share of the probabilities.
    pub fn dropout(self, dropout: f64) -> Self {
        MultiHeadAttention { dropout, ..self }
    }

    /// With or without biases.
    pub fn use_bias(self, use_bias: bool) -> Self {
        MultiHeadAttention { use_bias, ..self }
    }

    /// With a result of this many features.
    pub fn output_shape(self, features: usize) -> Self {
        MultiHeadAttention { output_shape: Some(features), ..self }
    }

    /// With or without a view of later time steps.
    pub fn use_causal_mask(self, use_causal_mask: bool) -> Self {
        MultiHeadAttention { use_causal_mask, ..self }
    }

    /// With or without rotary positions.
    pub fn rotary(self, rotary: bool) -> Self {
        MultiHeadAttention { rotary, ..self }
    }

    fn check(&self, b: &LayerBuilder<'_>) -> Result<(), NnError> {
        b.at_least_one("num_heads", &[self.num_heads])?;
        b.at_least_one("key_dim", &[self.key_dim])?;
        b.at_least_one("value_dim", self.value_dim.as_slice())?;
        b.at_least_one("output_shape", self.output_shape.as_slice())?;
        if self.rotary && !self.key_dim.is_multiple_of(2) {
            return Err(b.error(format!(
                "rotary positions turn pairs of features, but key_dim is {}; use an even number",
                self.key_dim
            )));
        }
        check_dropout(b, self.dropout)
    }

    /// One of the projections to heads: `[B, T, E] → [B, T, N, features]`.
    fn heads(&self, b: &mut LayerBuilder<'_>, part: &str, x: NodeId, features: usize) -> Result<NodeId, NnError> {
        let [tokens, width] = sequence(b, x)?;
        let heads = self.num_heads;
        let y = project(b, part, x, (&[width, heads, features], &[heads, features]), self.use_bias)?;
        Ok(b.graph.reshape(y, Shape::batched(&[tokens, heads, features]))?)
    }

    fn rotated(&self, b: &mut LayerBuilder<'_>, x: NodeId) -> Result<NodeId, NnError> {
        if !self.rotary {
            return Ok(x);
        }
        let positions = if b.decodes() { Some(b.position()?) } else { None };
        Ok(b.graph.rotary(x, positions, ROTARY_BASE)?)
    }

    /// For one new token, the keys and values of all tokens up to it, and which they are.
    fn all_keys(
        &self,
        b: &mut LayerBuilder<'_>,
        prefix: &str,
        [k, v]: [NodeId; 2],
    ) -> Result<([NodeId; 2], NodeId), NnError> {
        let k = b.remembered(&format!("{prefix}key"), k)?;
        let v = b.remembered(&format!("{prefix}value"), v)?;
        Ok(([k, v], b.seen()?))
    }

    /// Attention of `query` to `key` and `value`, of which `mask` says which are real; the weights' names begin with `prefix`.
    pub(super) fn attend(
        &self,
        b: &mut LayerBuilder<'_>,
        prefix: &str,
        [query, value, key]: [NodeId; 3],
        mut mask: Option<NodeId>,
    ) -> Result<NodeId, NnError> {
        self.check(b)?;
        if b.decodes() && !(self.use_causal_mask && query == key && query == value && mask.is_none()) {
            return Err(b.error(
                "cannot run on one new token at a time unless it attends to itself, causally and without a mask",
            ));
        }
        let [tokens, width] = sequence(b, query)?;
        let value_dim = self.value_dim.unwrap_or(self.key_dim);
        let [to_query, to_key, to_value, to_result] =
            ["query", "key", "value", "attention_output"].map(|part| format!("{prefix}{part}"));
        let q = self.heads(b, &to_query, query, self.key_dim)?;
        let k = self.heads(b, &to_key, key, self.key_dim)?;
        let mut v = self.heads(b, &to_value, value, value_dim)?;
        let (q, mut k) = (self.rotated(b, q)?, self.rotated(b, k)?);
        let mut attention = Attention::new(self.use_causal_mask, 1.0 / (self.key_dim as f64).sqrt());
        if b.decodes() {
            // What comes later is not there yet.
            attention.causal = false;
            let (all, seen) = self.all_keys(b, prefix, [k, v])?;
            ([k, v], mask) = (all, Some(seen));
        }
        if b.mode == Mode::Training && self.dropout > 0.0 {
            attention = Attention { dropout: self.dropout, stream: b.stream(), ..attention };
        }
        let y = b.graph.attention([q, k, v], mask, attention)?;
        let heads = self.num_heads;
        let y = b.graph.reshape(y, Shape::batched(&[tokens, heads * value_dim]))?;
        let output = self.output_shape.unwrap_or(width);
        project(b, &to_result, y, (&[heads, value_dim, output], &[output]), self.use_bias)
    }
}

impl Layer for MultiHeadAttention {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let operands = match *inputs {
            [x] => [x, x, x],
            [query, value] => [query, value, value],
            [query, value, key] => [query, value, key],
            _ => {
                let got = inputs.len();
                return Err(b.error(format!("expected one to three inputs: query, value and key, got {got}")));
            }
        };
        let [value, key] = [operands[1], operands[2]].map(|x| sequence(b, x).map(|[tokens, _]| tokens));
        if value.as_ref().ok() != key.as_ref().ok() {
            return Err(b.error(format!(
                "expected a key for each value, got values {} and keys {}",
                b.graph.shape(operands[1]),
                b.graph.shape(operands[2])
            )));
        }
        let mask = match (b.mask(inputs.len().min(2) - 1), b.mask(2)) {
            (Some(value), Some(key)) if value != key => Some(b.graph.mul(value, key)?),
            (value, key) => value.or(key),
        };
        b.set_mask(b.mask(0));
        self.attend(b, "", operands, mask)
    }
}
