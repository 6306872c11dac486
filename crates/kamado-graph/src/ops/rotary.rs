//! Rotary positions: each pair of features is turned by an angle that grows with the token's position, so that the product of
//! a query and a key depends on their distance alone.
//!
//! With `h = D / 2` and the angle `a[i] = position · base^(-2i / D)`: `y[i] = x[i] cos a[i] - x[i + h] sin a[i]`,
//! `y[i + h] = x[i + h] cos a[i] + x[i] sin a[i]` for `i < h`; with `inverse` by the opposite angle. The positions are `0..T`
//! unless they are given.
//!
//! Shapes: `x [B, T, N, D]`, optional integer positions `[B, T]` → `[B, T, N, D]`; D is even. Gradient: the opposite
//! rotation of `dy`. Source: Su et al., "RoFormer", 2021, with the halves paired as in GPT-NeoX and KerasHub.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{DType, Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// Rotary positions.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rotary {
    /// The longest wavelength over 2π, usually 10000.
    pub base: f64,
    /// Whether the rotation is undone.
    pub inverse: bool,
}

/// Checks that the optional input behind the first is integer positions `[B, T]`.
pub(super) fn expect_positions(positions: &TensorType, places: &Shape) -> Result<(), ShapeError> {
    if positions.dtype == DType::I32 && positions.shape == *places {
        return Ok(());
    }
    Err(ShapeError::new(format!("expects integer positions of shape {places}, got {positions}")))
}

impl Operator for Rotary {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(&inputs[..inputs.len().min(1)])?;
        let fits = matches!(x[..], [_, _, _, Dim::Fixed(d)] if d > 0 && d % 2 == 0);
        if !fits {
            return Err(ShapeError::new(format!(
                "expects [B, tokens, heads, features] with an even number of features, which turn in pairs, got {x}"
            )));
        }
        if !(self.base > 0.0 && self.base.is_finite()) {
            return Err(ShapeError::new(format!("the base must be above 0, got {}", self.base)));
        }
        match inputs {
            [_] => {}
            [_, positions] => expect_positions(positions, &Shape(x[..2].to_vec()))?,
            _ => return Err(ShapeError::new(format!("expects one or two inputs, got {}", inputs.len()))),
        }
        Ok(TensorType::f32(x))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let back = Rotary { inverse: !self.inverse, ..*self };
        let positions = &at.inputs[1..];
        let dx = graph.push(back, &[&[at.gradient], positions].concat())?;
        let stops = positions.iter().map(|_| InputGradient::Stops { why: "positions are integers" });
        Ok(std::iter::once(InputGradient::Rule(dx)).chain(stops).collect())
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let x = inputs[0];
        let (tokens, dim) = (x.shape[1], x.shape[3]);
        let half = dim / 2;
        Tensor::from_fn(x.shape.clone(), |index| {
            let [b, t, n, i] = [index[0], index[1], index[2], index[3]];
            let position = inputs.get(1).map_or(t as f64, |positions| positions.data[b * tokens + t]);
            let angle = position * self.base.powf(-2.0 * (i % half) as f64 / dim as f64);
            let (sine, cosine) = (if self.inverse { -angle } else { angle }).sin_cos();
            let other = x.at(&[b, t, n, (i + half) % dim]);
            x.at(&[b, t, n, i]) * cosine + if i < half { -other * sine } else { other * sine }
        })
    }

    fn cases() -> Vec<Case> {
        let case = |base, inverse, x: [usize; 3], given: bool, batch| {
            let mut inputs = vec![(Shape::batched(&x), Fill::Normal)];
            inputs.extend(given.then(|| (Shape::batched(&x[..1]), Fill::Labels(700))));
            Case::new(Rotary { base, inverse }, inputs).batch(batch)
        };
        vec![
            case(10000.0, false, [1, 1, 2], false, 1),
            case(10000.0, false, [5, 2, 6], false, 2),
            case(100.0, true, [3, 1, 34], false, 2),
            case(10000.0, false, [1, 2, 4], true, 3),
            case(500.0, true, [4, 1, 8], true, 2),
        ]
    }
}

impl Graph {
    /// `x [B, T, N, D]` with rotary positions: `0..T`, or those given, `[B, T]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn rotary(&mut self, x: NodeId, positions: Option<NodeId>, base: f64) -> Result<NodeId, GraphError> {
        let inputs: Vec<_> = std::iter::once(x).chain(positions).collect();
        self.push(Rotary { base, inverse: false }, &inputs)
    }
}
