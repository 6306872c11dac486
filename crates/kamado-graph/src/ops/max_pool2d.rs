//! Two-dimensional maximum pooling, channels last.
//!
//! `y[b, i, j, c] = max x[b, …, …, c]` over the cells of window `(i, j)` that lie in the image. NaN in a window gives NaN.
//!
//! Shapes: `x [B, H, W, C]` → `y [B, OH, OW, C]`; see [`Window`] for `OH`. Gradient: `dx` by `max_pool2d_grad`.

use serde::{Deserialize, Serialize};

use super::pooling::{each_window, examples, pooled};
use super::window::{Padding, Window, windows};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Two-dimensional maximum pooling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MaxPool2d {
    /// The height and width of a window.
    pub pool_size: [usize; 2],
    /// The distance from window to window, down and across.
    pub strides: [usize; 2],
    /// What lies beyond the edge.
    pub padding: Padding,
}

impl MaxPool2d {
    /// The windows on an image of this height and width.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn windows(&self, image: [usize; 2]) -> Result<[Window; 2], ShapeError> {
        windows(image, self.pool_size, self.strides, [1, 1], self.padding)
    }

    /// Calls `visit` with the place of every element of the result and with the place of the cell that it takes: the
    /// first of the largest, row by row, or the first NaN.
    pub(super) fn each_largest(&self, x: &Tensor, mut visit: impl FnMut([usize; 4], [usize; 4])) {
        let windows = self.windows([x.shape[1], x.shape[2]]).expect("shapes were inferred");
        each_window(&x.shape, windows, |place, cells| {
            let larger = |a: [usize; 4], b: [usize; 4]| {
                let (best, next) = (x.at(&a), x.at(&b));
                if next > best || next.is_nan() && !best.is_nan() { b } else { a }
            };
            // Padding is at most half a window, so every window covers a cell of the image.
            visit(place, cells.iter().copied().reduce(larger).expect("a window is not empty"));
        });
    }
}

impl Operator for MaxPool2d {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        pooled(&x, |image| self.windows(image)).map(TensorType::f32)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Rule(graph.max_pool2d_grad(at.inputs[0], at.gradient, *self)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut y = Tensor::full(context.output.shape.at(context.batch), 0.0);
        self.each_largest(inputs[0], |place, cell| y.accumulate(&place, inputs[0].at(&cell)));
        y
    }

    fn cases() -> Vec<Case> {
        let case = |(pool_size, strides, padding, x, batch)| {
            Case::new(MaxPool2d { pool_size, strides, padding }, [(x, Fill::Distinct)]).batch(batch)
        };
        examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The largest element of each window.
    ///
    /// # Errors
    /// If `x` is no image, or a window is larger than it.
    pub fn max_pool2d(&mut self, x: NodeId, pool: MaxPool2d) -> Result<NodeId, GraphError> {
        self.push(pool, &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    #[test]
    fn a_window_too_large_is_named() {
        let mut graph = Graph::new();
        let x = graph.input("x", TensorType::f32(Shape::batched(&[4, 1, 3]))).unwrap();
        graph.set_scope("max_pooling2d");
        let pool = MaxPool2d { pool_size: [2, 2], strides: [2, 2], padding: Padding::Valid };
        let wrong = graph.max_pool2d(x, pool).unwrap_err().to_string();
        assert!(wrong.contains("layer \"max_pooling2d\""), "{wrong}");
        assert!(wrong.contains("along the width, a window of 2 cells does not fit into 1"), "{wrong}");
    }
}
