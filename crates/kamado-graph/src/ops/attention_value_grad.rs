//! The gradient of attention with respect to its values.
//!
//! `dv[s] = Σ_t p[t, s] · dy[t]`, with `p = e^{scale · q k - lse}`.
//!
//! Shapes: `q [B, T, N, D]`, `k [B, S, N, D]`, `v [B, S, N, E]`, the result `y` and its gradient `dy [B, T, N, E]`, `lse [B, N, T]`,
//! optional key mask `[B, S]` → `dv [B, S, N, E]`. Gradient: none is built. The gradients of queries, keys and values are one kernel.

use serde::{Deserialize, Serialize};

use super::Attention;
use super::attending::{To, grad_cases, infer_grad, reference_grad};
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// The gradient of attention with respect to its values.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttentionValueGrad {
    /// The attention.
    pub attention: Attention,
}

impl Operator for AttentionValueGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        infer_grad(inputs, To::Value)
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let why = "second derivatives of attention are not built";
        Ok(vec![InputGradient::Stops { why }; at.inputs.len()])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        reference_grad(&self.attention, inputs, context, To::Value)
    }

    fn cases() -> Vec<Case> {
        grad_cases(|attention| AttentionValueGrad { attention }.into())
    }
}
