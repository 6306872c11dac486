//! The logarithm of the sums by which attention's softmax divides, from which the backward pass computes the
//! probabilities again.
//!
//! `lse[b, n, t] = ln Σ_s e^{scale · q[b, t, n] · k[b, s, n]}` over the keys `s` that query `t` sees; 0 if it sees none.
//!
//! Shapes: `q [B, T, N, D]`, `k [B, S, N, D]`, optional key mask `[B, S]` → `[B, N, T]`. Gradient: none, since it only occurs
//! in a backward pass. In a training step it is a second result of the kernel of [`super::Attention`].

use serde::{Deserialize, Serialize};

use super::Attention;
use super::attending::{Scores, examples, log_sum, sizes, with_mask};
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, InputGradient, Operator};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The logarithm of attention's sums.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttentionLogSumExp {
    /// The attention.
    pub attention: Attention,
}

impl Operator for AttentionLogSumExp {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let ([q, k], mask) = with_mask(inputs)?;
        let sizes = sizes(&q, &k, &k, mask.as_ref())?;
        Ok(TensorType::f32(Shape(vec![sizes.batch, sizes.heads, sizes.queries])))
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let why = "second derivatives of attention are not built";
        Ok(vec![InputGradient::Stops { why }; at.inputs.len()])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let scores = Scores { op: &self.attention, q: inputs[0], k: inputs[1], mask: inputs.get(2).copied() };
        let mut lse = Tensor::full(context.output.shape.at(context.batch), 0.0);
        scores.each_query(|[b, t, n]| lse.accumulate(&[b, n, t], log_sum(&scores.row([b, t, n]))));
        lse
    }

    fn cases() -> Vec<Case> {
        let case = |(attention, mut inputs, batch): super::attending::Example| {
            inputs.remove(2);
            Case::new(AttentionLogSumExp { attention }, inputs).batch(batch)
        };
        examples().into_iter().map(case).collect()
    }
}
