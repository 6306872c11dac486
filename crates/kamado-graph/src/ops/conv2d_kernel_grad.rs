//! The gradient of a convolution with respect to its kernel.
//!
//! `dkernel[k] = Σ x[m] · dy[y]` over all products `x[m] · kernel[k]` that the convolution adds into `y`.
//!
//! Shapes: `x [B, H, W, Cin]`, `dy [B, OH, OW, Cout]` → `dkernel [kh, kw, Cin/G, Cout]`, of which the attributes give `kh` and `kw`.
//! Gradient: the operator is linear in both inputs, so with `g` the gradient of `dkernel`: `dx =
//! conv2d_input_grad(dy, g)`, `ddy = conv2d(x, g)`.

use serde::{Deserialize, Serialize};

use super::Conv2d;
use super::conv2d::{Example, kernel_size};
use super::window::{Image, expect_gradient};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of a convolution with respect to its kernel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Conv2dKernelGrad {
    /// The convolution.
    pub conv: Conv2d,
    /// The height and width of its kernel.
    pub kernel_size: [usize; 2],
}

impl Conv2dKernelGrad {
    /// The shape of the kernel.
    fn kernel(&self, x: &Shape, dy: &Shape) -> Result<Shape, ShapeError> {
        let (depth, filters) = (Image::new("an image", x)?.channels, Image::new("a gradient", dy)?.channels);
        let [height, width] = self.kernel_size;
        // Zero groups are refused by the convolution.
        Ok(Shape::fixed(&[height, width, depth / self.conv.groups.max(1), filters]))
    }
}

impl Operator for Conv2dKernelGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x, dy] = expect_floats(inputs)?;
        let kernel = self.kernel(&x, &dy)?;
        expect_gradient(&dy, &self.conv.output(&x, &kernel)?)?;
        Ok(TensorType::f32(kernel))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (x, dy) = (at.inputs[0], at.inputs[1]);
        let dx = graph.conv2d_input_grad(dy, at.gradient, self.conv, graph.shape(x).clone())?;
        let ddy = graph.conv2d(x, at.gradient, self.conv)?;
        Ok(vec![InputGradient::Rule(dx), InputGradient::Rule(ddy)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (x, dy) = (inputs[0], inputs[1]);
        let mut dkernel = Tensor::full(context.output.shape.at(context.batch), 0.0);
        let shape = dkernel.shape.clone();
        self.conv.each_product(&x.shape, &shape, |xi, ki, yi| dkernel.accumulate(&ki, x.at(&xi) * dy.at(&yi)));
        dkernel
    }

    fn cases() -> Vec<Case> {
        let case = |(conv, x, kernel, batch): Example| {
            let dy = conv.output(&x, &kernel).expect("examples fit");
            let kernel_size = kernel_size(&kernel);
            Case::new(Conv2dKernelGrad { conv, kernel_size }, [(x, Fill::Normal), (dy, Fill::Normal)]).batch(batch)
        };
        Conv2d::examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The gradient of `conv` with respect to its kernel of size `kernel_size`, from the gradient `dy` of its result.
    ///
    /// # Errors
    /// If the shapes are not those of one convolution.
    pub fn conv2d_kernel_grad(
        &mut self,
        x: NodeId,
        dy: NodeId,
        conv: Conv2d,
        kernel_size: [usize; 2],
    ) -> Result<NodeId, GraphError> {
        self.push(Conv2dKernelGrad { conv, kernel_size }, &[x, dy])
    }
}
