//! Gradient of a layer norm or RMS norm for its factor gamma.
//!
//! `dgamma = Σ dy · x̂` over all rows.
//!
//! Shapes: `x […, D]`, `dy […, D]` → `dgamma [D]`. Gradient: none; second derivatives are not implemented.

use serde::{Deserialize, Serialize};

use super::norm::{norm_type, normalized, rows};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Gradient of a layer norm or RMS norm for its factor gamma.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NormScaleGrad {
    /// Added to the variance; positive.
    pub epsilon: f64,
    /// Whether the mean is subtracted: layer norm, else RMS norm.
    pub centred: bool,
}

impl Operator for NormScaleGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x, dy] = inputs else {
            return Err(ShapeError::new(format!("expects x and dy, got {} inputs", inputs.len())));
        };
        let ty = norm_type(&[x], self.epsilon, 0)?;
        if **dy != ty {
            return Err(ShapeError::new(format!("dy must be {ty} as x is, got {dy}")));
        }
        Ok(TensorType::f32(Shape(ty.shape.last().copied().into_iter().collect())))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let why = "second derivatives of norms are not implemented";
        Ok(vec![InputGradient::Stops { why }; 2])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let d = inputs[0].shape.last().copied().unwrap_or(1);
        let mut dgamma = Tensor::full(vec![d], 0.0);
        for (x, dy) in inputs[0].data.chunks(d.max(1)).zip(inputs[1].data.chunks(d.max(1))) {
            let (x_hat, _) = normalized(x, self.epsilon, self.centred);
            dgamma.data.iter_mut().zip(dy).zip(&x_hat).for_each(|((sum, dy), x)| *sum += dy * x);
        }
        dgamma
    }

    fn cases() -> Vec<Case> {
        let case = |(x, _): (Shape, usize), centred| {
            Case::new(NormScaleGrad { epsilon: 1e-3, centred }, [(x.clone(), Fill::Normal), (x, Fill::Normal)])
        };
        [true, false]
            .into_iter()
            .flat_map(|centred| rows().into_iter().map(move |shape| case(shape, centred)))
            .collect()
    }
}

impl Graph {
    /// The gradient of a norm for its factor gamma; see [`NormScaleGrad`].
    ///
    /// # Errors
    /// If the shapes do not fit together.
    pub(super) fn norm_scale_grad(
        &mut self,
        x: NodeId,
        dy: NodeId,
        epsilon: f64,
        centred: bool,
    ) -> Result<NodeId, GraphError> {
        self.push(NormScaleGrad { epsilon, centred }, &[x, dy])
    }
}
