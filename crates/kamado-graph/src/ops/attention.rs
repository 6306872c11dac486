//! Scaled dot-product attention of several heads.
//!
//! `y[t] = Σ_s p[t, s] · v[s]` with `p[t] = softmax(scale · q[t] · k[s])` over the keys `s` that query `t` sees: with `causal`
//! those up to `t`, with a mask those where it is above one half. A query that sees no key has the result 0. With `dropout`
//! the probabilities are multiplied by a [`super::DropoutMask`] of shape `[B, N, T, S]` that is never stored.
//!
//! Shapes: `q [B, T, N, D]`, `k [B, S, N, D]`, `v [B, S, N, E]`, optional key mask `[B, S]` (1 real, 0 padding) → `[B, T, N, E]`.
//! Gradient: with `lse` of [`super::AttentionLogSumExp`], [`super::AttentionQueryGrad`], [`super::AttentionKeyGrad`] and
//! [`super::AttentionValueGrad`]; zero with respect to the mask. The kernel never holds the scores of more than a tile.
//! Sources: Vaswani et al., "Attention is all you need", 2017; Dao et al., "FlashAttention", 2022.

use serde::{Deserialize, Serialize};

use super::attending::{Scores, Sizes, examples, log_sum, sizes, with_mask};
use super::{AttentionKeyGrad, AttentionLogSumExp, AttentionQueryGrad, AttentionValueGrad, DropoutMask};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, InputGradient, Operator};
use crate::rng;
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// `softmax(scale · q kᵀ) v`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attention {
    /// Whether query `t` sees only the keys up to `t`.
    pub causal: bool,
    /// What the products of queries and keys are multiplied by, usually `1 / √D`.
    pub scale: f64,
    /// The share of the probabilities that is dropped in training; the others are divided by `1 - dropout`.
    #[serde(default)]
    pub dropout: f64,
    /// The number of the random node, by which the masks of a graph differ; see [`super::DropoutMask`].
    #[serde(default)]
    pub stream: u32,
}

impl Attention {
    /// Without dropout.
    pub fn new(causal: bool, scale: f64) -> Self {
        Attention { causal, scale, dropout: 0.0, stream: 0 }
    }

    /// What the probability at `[b, n, t, s]` is multiplied by.
    pub(super) fn kept(&self, context: &Context<'_>, element: usize) -> f64 {
        let mask = DropoutMask { rate: self.dropout, stream: self.stream, shape: Shape::scalar() };
        let word = rng::element(context.seed, context.step, self.stream, element);
        if u64::from(word) >= mask.threshold() { mask.scale() } else { 0.0 }
    }
}

impl Operator for Attention {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let ([q, k, v], mask) = with_mask(inputs)?;
        let Sizes { batch, queries, heads, value_dim } = sizes(&q, &k, &v, mask.as_ref())?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ShapeError::new(format!("dropout must be at least 0 and below 1, got {}", self.dropout)));
        }
        Ok(TensorType::f32(Shape(vec![batch, queries, heads, value_dim])))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let &[q, k, v, ref mask @ ..] = at.inputs else { unreachable!("inference has checked the inputs") };
        let lse = graph.push(AttentionLogSumExp { attention: *self }, &[&[q, k], mask].concat())?;
        let inputs = [&[q, k, v, at.output, lse, at.gradient], mask].concat();
        let attention = *self;
        let mut answers = vec![
            InputGradient::Rule(graph.push(AttentionQueryGrad { attention }, &inputs)?),
            InputGradient::Rule(graph.push(AttentionKeyGrad { attention }, &inputs)?),
            InputGradient::Rule(graph.push(AttentionValueGrad { attention }, &inputs)?),
        ];
        answers.extend(mask.iter().map(|_| InputGradient::Zero { why: "a mask says yes or no" }));
        Ok(answers)
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (q, k, v) = (inputs[0], inputs[1], inputs[2]);
        let scores = Scores { op: self, q, k, mask: inputs.get(3).copied() };
        let mut y = Tensor::full(context.output.shape.at(context.batch), 0.0);
        scores.each_query(|[b, t, n]| {
            let row = scores.row([b, t, n]);
            let lse = log_sum(&row);
            for (s, score) in row {
                let p = (score - lse).exp() * self.kept(context, scores.element([b, t, n], s));
                (0..v.shape[3]).for_each(|e| y.accumulate(&[b, t, n, e], p * v.at(&[b, s, n, e])));
            }
        });
        y
    }

    fn cases() -> Vec<Case> {
        examples().into_iter().map(|(op, inputs, batch)| Case::new(op, inputs).batch(batch)).collect()
    }
}

impl Graph {
    /// Attention of queries `[B, T, N, D]` to keys `[B, S, N, D]` with values `[B, S, N, E]`; the mask `[B, S]` says which keys
    /// are real.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn attention(
        &mut self,
        [q, k, v]: [NodeId; 3],
        mask: Option<NodeId>,
        attention: Attention,
    ) -> Result<NodeId, GraphError> {
        let inputs: Vec<_> = [q, k, v].into_iter().chain(mask).collect();
        self.push(attention, &inputs)
    }
}
