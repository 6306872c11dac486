//! The gradients of a convolution with respect to its kernel, one for each example.
//!
//! `dkernel[b, k] = Σ x[m] · dy[y]` over the products `x[m] · kernel[k]` that the convolution adds into `y` on the images
//! of example `b`, of which there may be several.
//!
//! Shapes: `x [nB, H, W, Cin]`, `dy [nB, OH, OW, Cout]` → `dkernel [B, kh, kw, Cin/G, Cout]`.
//! Gradient: none; it exists to measure and weigh the gradients of single examples.

use serde::{Deserialize, Serialize};

use super::Conv2dKernelGrad;
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, InputGradient, Op, Operator};
use crate::shape::{Dim, TensorType};
use crate::tensor::Tensor;

/// The gradients of a convolution with respect to its kernel, one for each example.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Conv2dKernelGrads {
    /// The gradient whose shares they are.
    pub sum: Conv2dKernelGrad,
}

impl Operator for Conv2dKernelGrads {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let mut ty = self.sum.infer(inputs)?;
        match inputs[0].shape[0] {
            Dim::Batch(_) => ty.shape.0.insert(0, Dim::B),
            Dim::Fixed(_) => return Err(ShapeError::new(format!("expects a batch of images, got {}", inputs[0]))),
        }
        Ok(ty)
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let why = "the gradients of single examples have no gradients";
        Ok(vec![InputGradient::Stops { why }; at.inputs.len()])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (x, dy) = (inputs[0], inputs[1]);
        let mut dkernel = Tensor::full(context.output.shape.at(context.batch), 0.0);
        let shape = dkernel.shape[1..].to_vec();
        let images = x.shape[0] / context.batch.max(1);
        self.sum.conv.each_product(&x.shape, &shape, |xi, [p, q, c, o], yi| {
            dkernel.accumulate(&[xi[0] / images, p, q, c, o], x.at(&xi) * dy.at(&yi));
        });
        dkernel
    }

    fn cases() -> Vec<Case> {
        let each = |case: Case| match case.op {
            Op::Conv2dKernelGrad(sum) => Case { op: Conv2dKernelGrads { sum }.into(), ..case },
            _ => case,
        };
        let several = |mut case: Case| {
            case.inputs.iter_mut().for_each(|(shape, _)| shape.0[0] = Dim::Batch(2));
            case
        };
        let cases = || Conv2dKernelGrad::cases().into_iter().map(each);
        cases().chain(cases().take(3).map(several)).collect()
    }
}
