//! The gradient of average pooling.
//!
//! `dx[m] = Σ dy[y] / n[y]` over the windows `y` that cover cell `m`, where `n[y]` is the number of cells of the image
//! that window `y` covers.
//!
//! Shapes: `dy [B, OH, OW, C]` → `dx [B, H, W, C]`, which the attributes give. Gradient: the operator is linear, so
//! `ddy = average_pool2d(g)` with `g` the gradient of `dx`.

use serde::{Deserialize, Serialize};

use super::AveragePool2d;
use super::pooling::{examples, pooled};
use super::window::expect_gradient;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of average pooling.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AveragePool2dGrad {
    /// The pooling.
    pub pool: AveragePool2d,
    /// The shape of its image.
    pub input: Shape,
}

impl Operator for AveragePool2dGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [dy] = expect_floats(inputs)?;
        expect_gradient(&dy, &pooled(&self.input, |image| self.pool.windows(image))?)?;
        Ok(TensorType::f32(self.input.clone()))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Rule(graph.average_pool2d(at.gradient, self.pool)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut dx = Tensor::full(self.input.at(context.batch), 0.0);
        let shape = dx.shape.clone();
        self.pool.each_share(&shape, |place, cell, share| dx.accumulate(&cell, inputs[0].at(&place) * share));
        dx
    }

    fn cases() -> Vec<Case> {
        let case = |(pool_size, strides, padding, input, batch)| {
            let pool = AveragePool2d { pool_size, strides, padding };
            let dy = pooled(&input, |image| pool.windows(image)).expect("examples fit");
            Case::new(AveragePool2dGrad { pool, input }, [(dy, Fill::Normal)]).batch(batch)
        };
        examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The gradient of `pool` with respect to its image of shape `input`, from the gradient `dy` of its result.
    ///
    /// # Errors
    /// If the shapes are not those of one pooling.
    pub fn average_pool2d_grad(&mut self, dy: NodeId, pool: AveragePool2d, input: Shape) -> Result<NodeId, GraphError> {
        self.push(AveragePool2dGrad { pool, input }, &[dy])
    }
}
