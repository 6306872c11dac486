//! Sinusoidal positions.
//!
//! `y[p, j] = sin(p · w^(-j / D))` for even `j`, `cos(p · w^(-(j - 1) / D))` for odd `j`, with `w` the longest wavelength over 2π.
//!
//! Shapes: no inputs → `[T, D]` for the positions `0..T`; integer positions `[…]` → `[…, D]`. Gradient: none is needed, since
//! nothing with a gradient comes before it. Source: Vaswani et al., "Attention is all you need", 2017, section 3.5.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{DType, Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// Sinusoidal positions.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct SinusoidalPositions {
    /// The number of positions, unless they are given.
    pub len: usize,
    /// The number of features.
    pub dim: usize,
    /// The longest wavelength over 2π, usually 10000.
    pub max_wavelength: f64,
}

impl Operator for SinusoidalPositions {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        if !(self.max_wavelength > 0.0 && self.max_wavelength.is_finite()) {
            return Err(ShapeError::new(format!("max_wavelength must be above 0, got {}", self.max_wavelength)));
        }
        match inputs {
            [] => Ok(TensorType::f32(Shape::fixed(&[self.len, self.dim]))),
            [positions] if positions.dtype == DType::I32 => {
                let places = positions.shape.iter().copied();
                Ok(TensorType::f32(Shape(places.chain([Dim::Fixed(self.dim)]).collect())))
            }
            [other] => Err(ShapeError::new(format!("expects integer positions, got {other}"))),
            _ => Err(ShapeError::new(format!("expects at most one input, got {}", inputs.len()))),
        }
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Stops { why: "positions are integers" }; at.inputs.len()])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        Tensor::from_fn(context.output.shape.at(context.batch), |index| {
            let (&j, place) = index.split_last().unwrap_or((&0, &[]));
            let position = inputs.first().map_or_else(|| place[0] as f64, |positions| positions.at(place));
            let angle = position * self.max_wavelength.powf(-((j / 2 * 2) as f64) / self.dim as f64);
            if j % 2 == 0 { angle.sin() } else { angle.cos() }
        })
    }

    fn cases() -> Vec<Case> {
        let op = |len, dim| SinusoidalPositions { len, dim, max_wavelength: 10000.0 };
        vec![
            Case::new(op(1, 1), []),
            Case::new(op(7, 5), []),
            Case::new(op(33, 16), []),
            Case::new(op(0, 6), [(Shape::batched(&[3]), Fill::Labels(500))]),
            Case::new(op(4, 3), [(Shape::batched(&[]), Fill::Labels(9))]),
        ]
    }
}
