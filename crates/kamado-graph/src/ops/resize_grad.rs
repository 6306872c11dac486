//! The gradient of resizing.
//!
//! `dx[b, r, s, c] = Σ_{i, j} u[i, r] · v[j, s] · dy[b, i, j, c]` with the weights of `resize`.
//!
//! Shapes: `dy [B, OH, OW, C]` → `dx [B, H, W, C]`, which the attributes give. Gradient: the operator is linear, so
//! `ddy = resize(g)` with `g` the gradient of `dx`.

use serde::{Deserialize, Serialize};

use super::Resize;
use super::window::expect_gradient;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of resizing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResizeGrad {
    /// The resizing.
    pub resize: Resize,
    /// The shape of its image.
    pub input: Shape,
}

impl Operator for ResizeGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [dy] = expect_floats(inputs)?;
        expect_gradient(&dy, &self.resize.output(&self.input)?)?;
        Ok(TensorType::f32(self.input.clone()))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Rule(graph.resize(at.gradient, self.resize)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut dx = Tensor::full(self.input.at(context.batch), 0.0);
        let shape = dx.shape.clone();
        self.resize.each_term(&shape, |xi, yi, weight| dx.accumulate(&xi, weight * inputs[0].at(&yi)));
        dx
    }

    fn cases() -> Vec<Case> {
        let case = |(resize, input): (Resize, Shape)| {
            let dy = resize.output(&input).expect("examples fit");
            Case::new(ResizeGrad { resize, input }, [(dy, Fill::Normal)])
        };
        Resize::examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The gradient of `resize` with respect to its image of shape `input`, from the gradient `dy` of its result.
    ///
    /// # Errors
    /// If the shapes are not those of one resizing.
    pub fn resize_grad(&mut self, dy: NodeId, resize: Resize, input: Shape) -> Result<NodeId, GraphError> {
        self.push(ResizeGrad { resize, input }, &[dy])
    }
}
