//! The gradient of maximum pooling.
//!
//! `dx[m] = Σ dy[y]` over the windows `y` whose first largest element, row by row, is `x[m]`.
//!
//! Shapes: `x [B, H, W, C]`, `dy [B, OH, OW, C]` → `dx [B, H, W, C]`. Gradient: none with respect to `dy` (it would
//! gather at the places of the largest); zero with respect to `x`, which only decides the places.

use serde::{Deserialize, Serialize};

use super::MaxPool2d;
use super::pooling::{examples, pooled};
use super::window::expect_gradient;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// The gradient of maximum pooling.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MaxPool2dGrad {
    /// The pooling.
    pub pool: MaxPool2d,
}

impl Operator for MaxPool2dGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x, dy] = expect_floats(inputs)?;
        expect_gradient(&dy, &pooled(&x, |image| self.pool.windows(image))?)?;
        Ok(TensorType::f32(x))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![
            InputGradient::Zero { why: "the places of the largest elements are piecewise constant" },
            InputGradient::Stops { why: "no operator gathers elements at the places of the largest yet" },
        ])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let (x, dy) = (inputs[0], inputs[1]);
        let mut dx = Tensor::full(x.shape.clone(), 0.0);
        self.pool.each_largest(x, |place, cell| dx.accumulate(&cell, dy.at(&place)));
        dx
    }

    fn cases() -> Vec<Case> {
        let case = |(pool_size, strides, padding, x, batch)| {
            let pool = MaxPool2d { pool_size, strides, padding };
            let dy = pooled(&x, |image| pool.windows(image)).expect("examples fit");
            Case::new(MaxPool2dGrad { pool }, [(x, Fill::Distinct), (dy, Fill::Normal)]).batch(batch)
        };
        examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The gradient of `pool` with respect to its image `x`, from the gradient `dy` of its result.
    ///
    /// # Errors
    /// If the shapes are not those of one pooling.
    pub fn max_pool2d_grad(&mut self, x: NodeId, dy: NodeId, pool: MaxPool2d) -> Result<NodeId, GraphError> {
        self.push(MaxPool2dGrad { pool }, &[x, dy])
    }
}
