//! The gradient of a convolution with respect to its image; also known as transposed convolution.
//!
//! `dx[m] = Σ dy[y] · kernel[k]` over all products `x[m] · kernel[k]` that the convolution adds into `y`.
//!
//! Shapes: `dy [B, OH, OW, Cout]`, `kernel [kh, kw, Cin/G, Cout]` → `dx [B, H, W, Cin]`, which the attributes give.
//! Gradient: the operator is linear in both inputs, so with `g` the gradient of `dx`: `ddy = conv2d(g, kernel)`,
//! `dkernel = conv2d_kernel_grad(g, dy)`.

use serde::{Deserialize, Serialize};

use super::Conv2d;
use super::conv2d::{Example, kernel_size};
use super::window::expect_gradient;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of a convolution with respect to its image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Conv2dInputGrad {
    /// The convolution.
    pub conv: Conv2d,
    /// The shape of its image.
    pub input: Shape,
}

impl Operator for Conv2dInputGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [dy, kernel] = expect_floats(inputs)?;
        expect_gradient(&dy, &self.conv.output(&self.input, &kernel)?)?;
        Ok(TensorType::f32(self.input.clone()))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (dy, kernel) = (at.inputs[0], at.inputs[1]);
        let ddy = graph.conv2d(at.gradient, kernel, self.conv)?;
        let kernel_size = kernel_size(graph.shape(kernel));
        let dkernel = graph.conv2d_kernel_grad(at.gradient, dy, self.conv, kernel_size)?;
        Ok(vec![InputGradient::Rule(ddy), InputGradient::Rule(dkernel)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (dy, kernel) = (inputs[0], inputs[1]);
        let mut dx = Tensor::full(self.input.at(context.batch), 0.0);
        let shape = dx.shape.clone();
        self.conv.each_product(&shape, &kernel.shape, |xi, ki, yi| dx.accumulate(&xi, dy.at(&yi) * kernel.at(&ki)));
        dx
    }

    fn cases() -> Vec<Case> {
        let case = |(conv, input, kernel, batch): Example| {
            let dy = conv.output(&input, &kernel).expect("examples fit");
            Case::new(Conv2dInputGrad { conv, input }, [(dy, Fill::Normal), (kernel, Fill::Normal)]).batch(batch)
        };
        Conv2d::examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The gradient of `conv` with respect to its image of shape `input`, from the gradient `dy` of its result.
    ///
    /// # Errors
    /// If the shapes are not those of one convolution.
    pub fn conv2d_input_grad(
        &mut self,
        dy: NodeId,
        kernel: NodeId,
        conv: Conv2d,
        input: Shape,
    ) -> Result<NodeId, GraphError> {
        self.push(Conv2dInputGrad { conv, input }, &[dy, kernel])
    }
}
