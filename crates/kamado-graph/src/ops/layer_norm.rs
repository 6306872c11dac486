//! Layer norm over the last axis.
//!
//! `y = gamma · x̂ + beta` with `x̂ = (x - mean) / √(variance + epsilon)`, mean and biased variance of each row.
//!
//! Shapes: `x […, D]`, `gamma [D]`, `beta [D]` → `y […, D]`. Gradient: `dx` by `norm_grad`, `dgamma` by
//! `norm_scale_grad`, and `dbeta = Σ dy` over all rows.
//!
//! Source: Ba, Kiros and Hinton, "Layer normalization", 2016.

use serde::{Deserialize, Serialize};

use super::norm::{map_rows_with, norm_cases, norm_type, normalized};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Layer norm over the last axis.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LayerNorm {
    /// Added to the variance; positive.
    pub epsilon: f64,
}

impl Operator for LayerNorm {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        norm_type(inputs, self.epsilon, 2)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (x, gamma) = (at.inputs[0], at.inputs[1]);
        let dx = graph.norm_grad(x, gamma, at.gradient, self.epsilon, true)?;
        let dgamma = graph.norm_scale_grad(x, at.gradient, self.epsilon, true)?;
        Ok([dx, dgamma, at.gradient].map(InputGradient::Rule).into())
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let (gamma, beta) = (&inputs[1].data, &inputs[2].data);
        map_rows_with(inputs[0], |_, x| {
            let (x_hat, _) = normalized(x, self.epsilon, true);
            x_hat.iter().zip(gamma).zip(beta).map(|((x, gamma), beta)| gamma * x + beta).collect()
        })
    }

    fn cases() -> Vec<Case> {
        norm_cases(LayerNorm { epsilon: 1e-3 }, 2)
    }
}

impl Graph {
    /// The layer norm of `x` over its last axis: `gamma · (x - mean) / √(variance + epsilon) + beta`.
    ///
    /// # Errors
    /// If `gamma` or `beta` is not of shape `[D]` for rows of `D` elements, or `epsilon` is not positive.
    pub fn layer_norm(&mut self, x: NodeId, gamma: NodeId, beta: NodeId, epsilon: f64) -> Result<NodeId, GraphError> {
        self.push(LayerNorm { epsilon }, &[x, gamma, beta])
    }
}
