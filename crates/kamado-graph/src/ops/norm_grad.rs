//! Gradient of a layer norm or RMS norm for its input.
//!
//! `dx = r · (g - mean(g) - x̂ · mean(g · x̂))` with `g = gamma · dy` and `r = 1/√(variance + epsilon)`, row by row; without
//! the first mean if the norm is not centred.
//!
//! Shapes: `x […, D]`, `gamma [D]`, `dy […, D]` → `dx […, D]`. Gradient: none; second derivatives are not implemented.

use serde::{Deserialize, Serialize};

use super::norm::{centred_mean, map_rows_with, norm_type, normalized, rows};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Gradient of a layer norm or RMS norm for its input.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NormGrad {
    /// Added to the variance; positive.
    pub epsilon: f64,
    /// Whether the mean is subtracted: layer norm, else RMS norm.
    pub centred: bool,
}

impl Operator for NormGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x, gamma, dy] = inputs else {
            return Err(ShapeError::new(format!("expects x, gamma and dy, got {} inputs", inputs.len())));
        };
        let ty = norm_type(&[x, gamma], self.epsilon, 1)?;
        if **dy != ty {
            return Err(ShapeError::new(format!("dy must be {ty} as x is, got {dy}")));
        }
        Ok(ty)
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let why = "second derivatives of norms are not implemented";
        Ok(vec![InputGradient::Stops { why }; 3])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let (gamma, dy) = (&inputs[1].data, inputs[2]);
        map_rows_with(inputs[0], |row, x| {
            let (x_hat, r) = normalized(x, self.epsilon, self.centred);
            let g: Vec<f64> = dy.data[row * x.len()..].iter().zip(gamma).map(|(dy, gamma)| dy * gamma).collect();
            let slope = g.iter().zip(&x_hat).map(|(g, x)| g * x).sum::<f64>() / x.len() as f64;
            let shift = centred_mean(&g, self.centred);
            g.iter().zip(&x_hat).map(|(g, x)| r * (g - shift - x * slope)).collect()
        })
    }

    fn cases() -> Vec<Case> {
        let case = |(x, d): (Shape, usize), centred| {
            let op = NormGrad { epsilon: 1e-3, centred };
            let gamma = (Shape::fixed(&[d]), Fill::Positive);
            Case::new(op, [(x.clone(), Fill::Normal), gamma, (x, Fill::Normal)])
        };
        [true, false]
            .into_iter()
            .flat_map(|centred| rows().into_iter().map(move |shape| case(shape, centred)))
            .collect()
    }
}

impl Graph {
    /// The gradient of a norm for its input; see [`NormGrad`].
    ///
    /// # Errors
    /// If the shapes do not fit together.
    pub(super) fn norm_grad(
        &mut self,
        x: NodeId,
        gamma: NodeId,
        dy: NodeId,
        epsilon: f64,
        centred: bool,
    ) -> Result<NodeId, GraphError> {
        self.push(NormGrad { epsilon, centred }, &[x, gamma, dy])
    }
}
