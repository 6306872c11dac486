//! RMS norm over the last axis.
//!
//! `y = gamma · x / √(mean(x²) + epsilon)`, with the mean of each row.
//!
//! Shapes: `x […, D]`, `gamma [D]` → `y […, D]`. Gradient: `dx` by `norm_grad` and `dgamma` by `norm_scale_grad`.
//!
//! Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.

use serde::{Deserialize, Serialize};

use super::norm::{map_rows_with, norm_cases, norm_type, normalized};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// RMS norm over the last axis.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RmsNorm {
    /// Added to the variance; positive.
    pub epsilon: f64,
}

impl Operator for RmsNorm {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        norm_type(inputs, self.epsilon, 1)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (x, gamma) = (at.inputs[0], at.inputs[1]);
        let dx = graph.norm_grad(x, gamma, at.gradient, self.epsilon, false)?;
        let dgamma = graph.norm_scale_grad(x, at.gradient, self.epsilon, false)?;
        Ok([dx, dgamma].map(InputGradient::Rule).into())
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        map_rows_with(inputs[0], |_, x| {
            let (x_hat, _) = normalized(x, self.epsilon, false);
            x_hat.iter().zip(&inputs[1].data).map(|(x, gamma)| gamma * x).collect()
        })
    }

    fn cases() -> Vec<Case> {
        norm_cases(RmsNorm { epsilon: 1e-6 }, 1)
    }
}

impl Graph {
    /// The RMS norm of `x` over its last axis: `gamma · x / √(mean(x²) + epsilon)`.
    ///
    /// # Errors
    /// If `gamma` is not of shape `[D]` for rows of `D` elements, or `epsilon` is not positive.
    pub fn rms_norm(&mut self, x: NodeId, gamma: NodeId, epsilon: f64) -> Result<NodeId, GraphError> {
        self.push(RmsNorm { epsilon }, &[x, gamma])
    }
}
