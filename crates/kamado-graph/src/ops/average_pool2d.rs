//! Two-dimensional average pooling, channels last.
//!
//! `y[b, i, j, c] = mean x[b, …, …, c]` over the cells of window `(i, j)` that lie in the image; padding does not count,
//! as in TensorFlow.
//!
//! Shapes: `x [B, H, W, C]` → `y [B, OH, OW, C]`; see [`Window`] for `OH`. Gradient: `dx` by `average_pool2d_grad`.

use serde::{Deserialize, Serialize};

use super::pooling::{each_window, examples, pooled};
use super::window::{Padding, Window, windows};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Two-dimensional average pooling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AveragePool2d {
    /// The height and width of a window.
    pub pool_size: [usize; 2],
    /// The distance from window to window, down and across.
    pub strides: [usize; 2],
    /// What lies beyond the edge.
    pub padding: Padding,
}

impl AveragePool2d {
    /// The windows on an image of this height and width.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn windows(&self, image: [usize; 2]) -> Result<[Window; 2], ShapeError> {
        windows(image, self.pool_size, self.strides, [1, 1], self.padding)
    }

    /// Calls `visit` with every place in the result, a place in the image that it averages, and the share of that cell.
    pub(super) fn each_share(&self, x: &[usize], mut visit: impl FnMut([usize; 4], [usize; 4], f64)) {
        let windows = self.windows([x[1], x[2]]).expect("shapes were inferred");
        each_window(x, windows, |place, cells| {
            cells.iter().for_each(|&cell| visit(place, cell, 1.0 / cells.len() as f64));
        });
    }
}

impl Operator for AveragePool2d {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        pooled(&x, |image| self.windows(image)).map(TensorType::f32)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let input = graph.shape(at.inputs[0]).clone();
        Ok(vec![InputGradient::Rule(graph.average_pool2d_grad(at.gradient, *self, input)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut y = Tensor::full(context.output.shape.at(context.batch), 0.0);
        self.each_share(&inputs[0].shape, |place, cell, share| y.accumulate(&place, inputs[0].at(&cell) * share));
        y
    }

    fn cases() -> Vec<Case> {
        let case = |(pool_size, strides, padding, x, batch)| {
            Case::new(AveragePool2d { pool_size, strides, padding }, [(x, Fill::Normal)]).batch(batch)
        };
        examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The mean of each window.
    ///
    /// # Errors
    /// If `x` is no image, or a window is larger than it.
    pub fn average_pool2d(&mut self, x: NodeId, pool: AveragePool2d) -> Result<NodeId, GraphError> {
        self.push(pool, &[x])
    }
}
