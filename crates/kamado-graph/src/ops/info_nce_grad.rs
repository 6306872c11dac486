//! The gradient of InfoNCE with respect to queries or keys.
//!
//! With `g[i, j] = (softmax_j(a[i] · b[j]) - [i = j]) · dy[i]`: `y = g · b` for the queries, `y = gᵀ · a` for the keys.
//!
//! Shapes: queries `a [B, D]`, keys `b [B, D]`, `dy [B]` → `y [B, D]`. Gradient: none; no training asks for
//! the second derivative.

use serde::{Deserialize, Serialize};

use super::info_nce::{SIZES, log_shares, queries_and_keys};
use super::window::expect_gradient;
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of [`super::InfoNce`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InfoNceGrad {
    /// Whether it is that of the keys.
    pub keys: bool,
}

impl Operator for InfoNceGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let &[a, b, dy] = inputs else {
            return Err(ShapeError::new(format!("expects queries, keys and a gradient, got {} inputs", inputs.len())));
        };
        let shape = queries_and_keys(&[a, b])?;
        let [dy] = expect_floats(&[dy])?;
        expect_gradient(&dy, &Shape(shape[..1].to_vec()))?;
        Ok(TensorType::f32(shape))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Stops { why: "the second derivative of this loss is not implemented" }; 3])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let (a, b, dy) = (inputs[0], inputs[1], inputs[2]);
        let logs = log_shares(a, b);
        let g = |i: usize, j: usize| (logs[i][j].exp() - f64::from(i == j)) * dy.data[i];
        let batch = logs.len();
        Tensor::from_fn(a.shape.clone(), |index| {
            let (row, unit) = (index[0], index[1]);
            let term = |other: usize| match self.keys {
                true => g(other, row) * a.at(&[other, unit]),
                false => g(row, other) * b.at(&[other, unit]),
            };
            (0..batch).map(term).sum()
        })
    }

    fn cases() -> Vec<Case> {
        let case = |((units, batch), keys)| {
            let shape = Shape::batched(&[units]);
            let dy = (Shape::batched(&[]), Fill::Normal);
            Case::new(InfoNceGrad { keys }, [(shape.clone(), Fill::Normal), (shape, Fill::Normal), dy]).batch(batch)
        };
        SIZES.iter().flat_map(|&size| [(size, false), (size, true)]).map(case).collect()
    }
}
