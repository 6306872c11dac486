//! Two-dimensional convolution (cross-correlation, as in every framework), channels last.
//!
//! `y[b, i, j, o] = Σ_{p, q, c} x[b, i·s₀ + p·d₀ - pad₀, j·s₁ + q·d₁ - pad₁, g·Cin/G + c] · kernel[p, q, c, o]` with strides
//! `s`, dilation `d`, and `g = o / (Cout/G)` the group of the output channel; cells outside the image are zero.
//!
//! Shapes: `x [B, H, W, Cin]`, `kernel [kh, kw, Cin/G, Cout]` → `y [B, OH, OW, Cout]`; see [`Window`] for `OH` and `pad`.
//! Gradient: `dx` by `conv2d_input_grad`, `dkernel` by `conv2d_kernel_grad`.

use serde::{Deserialize, Serialize};

use super::window::{Image, Padding, Window, grid, windows};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// Two-dimensional convolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Conv2d {
    /// The distance from window to window, down and across.
    pub strides: [usize; 2],
    /// What lies beyond the edge.
    pub padding: Padding,
    /// The distance from cell to cell within a window, down and across.
    pub dilation: [usize; 2],
    /// The number of groups into which channels are divided; each sees only its own.
    pub groups: usize,
}

/// A convolution, the shapes of its image and its kernel, and a batch size.
pub(super) type Example = (Conv2d, Shape, Shape, usize);

/// The height and width of a kernel of this shape.
pub(super) fn kernel_size(kernel: &Shape) -> [usize; 2] {
    // A kernel's extents do not depend on the batch size.
    [kernel[0].at(1), kernel[1].at(1)]
}

impl Default for Conv2d {
    fn default() -> Self {
        Conv2d { strides: [1, 1], padding: Padding::Valid, dilation: [1, 1], groups: 1 }
    }
}

impl Conv2d {
    /// The windows of a kernel of this height and width on an image of this height and width.
    ///
    /// # Errors
    /// If the kernel does not fit.
    pub fn windows(&self, image: [usize; 2], kernel: [usize; 2]) -> Result<[Window; 2], ShapeError> {
        windows(image, kernel, self.strides, self.dilation, self.padding)
    }

    /// The shape of the result.
    pub(super) fn output(&self, x: &Shape, kernel: &Shape) -> Result<Shape, ShapeError> {
        let image = Image::new("an image", x)?;
        let &[Dim::Fixed(height), Dim::Fixed(width), Dim::Fixed(depth), Dim::Fixed(filters)] = &kernel[..] else {
            let expected = "[height, width, input channels / groups, output channels]";
            return Err(ShapeError::new(format!("expects a kernel of shape {expected}, got {kernel}")));
        };
        let (channels, groups) = (image.channels, self.groups);
        if groups == 0 || channels % groups != 0 || filters % groups != 0 {
            return Err(ShapeError::new(format!(
                "{channels} input channels and {filters} output channels cannot be divided into {groups} groups"
            )));
        }
        if depth != channels / groups {
            return Err(ShapeError::new(format!(
                "image {x} has {channels} channels in {groups} group(s), so the kernel needs {} input channels, \
                 but kernel {kernel} has {depth}",
                channels / groups
            )));
        }
        Ok(image.of_windows(self.windows(image.size, [height, width])?, filters))
    }

    /// Calls `visit` with the places in `x`, `kernel` and `y` of every product in the sum.
    pub(super) fn each_product(
        &self,
        x: &[usize],
        kernel: &[usize],
        mut visit: impl FnMut([usize; 4], [usize; 4], [usize; 4]),
    ) {
        let (depth, filters) = (kernel[2], kernel[3]);
        let [rows, columns] = self.windows([x[1], x[2]], [kernel[0], kernel[1]]).expect("shapes were inferred");
        for (b, (i, j)) in (0..x[0]).flat_map(|b| grid(rows.output, columns.output).map(move |at| (b, at))) {
            for ((p, row), (q, column)) in rows.cells(i).flat_map(|r| columns.cells(j).map(move |c| (r, c))) {
                for (o, c) in grid(filters, depth) {
                    let group = o / (filters / self.groups);
                    visit([b, row, column, group * depth + c], [p, q, c, o], [b, i, j, o]);
                }
            }
        }
    }

    /// Every kind of stride, padding, dilation and grouping, and channels around the widths of vectors.
    pub(super) fn examples() -> Vec<Example> {
        let base = Conv2d::default();
        let same = Conv2d { padding: Padding::Same, ..base };
        let twice = |c: Conv2d| Conv2d { strides: [2, 2], ..c };
        let grouped = |c: Conv2d, groups| Conv2d { groups, ..c };
        let example = |c, x: [usize; 3], k: [usize; 4], batch| (c, Shape::batched(&x), Shape::fixed(&k), batch);
        vec![
            example(base, [1, 1, 1], [1, 1, 1, 1], 1),
            example(base, [5, 4, 2], [3, 3, 2, 3], 3),
            example(base, [6, 6, 1], [3, 3, 1, 8], 3),
            example(base, [4, 5, 1], [3, 3, 1, 17], 2),
            example(base, [4, 3, 9], [1, 1, 9, 7], 2),
            example(base, [3, 4, 8], [2, 2, 8, 16], 1),
            example(base, [4, 3, 2], [4, 3, 2, 5], 3),
            example(base, [3, 3, 1], [3, 3, 1, 33], 5),
            example(same, [5, 4, 2], [3, 3, 2, 3], 2),
            example(same, [4, 5, 2], [2, 4, 2, 3], 1),
            example(twice(base), [6, 7, 2], [3, 3, 2, 3], 2),
            example(twice(same), [6, 8, 2], [3, 3, 2, 3], 1),
            example(twice(same), [7, 5, 2], [5, 5, 2, 3], 1),
            example(twice(same), [5, 4, 3], [1, 1, 3, 2], 2),
            example(Conv2d { strides: [1, 3], ..base }, [4, 8, 1], [3, 2, 1, 2], 2),
            example(Conv2d { dilation: [2, 2], ..base }, [6, 5, 2], [3, 2, 2, 2], 2),
            example(Conv2d { dilation: [2, 1], ..same }, [5, 6, 1], [3, 3, 1, 2], 2),
            example(Conv2d { dilation: [1, 2], padding: Padding::Causal, ..base }, [1, 7, 3], [1, 3, 3, 2], 2),
            example(Conv2d { strides: [1, 2], padding: Padding::Causal, ..base }, [1, 6, 2], [1, 3, 2, 3], 1),
            example(grouped(same, 2), [4, 5, 4], [3, 3, 2, 6], 2),
            example(grouped(base, 3), [4, 5, 3], [3, 3, 1, 3], 2),
            example(grouped(twice(same), 3), [4, 5, 3], [3, 3, 1, 6], 1),
            example(grouped(same, 9), [5, 6, 9], [3, 3, 1, 9], 2),
        ]
    }
}

impl Operator for Conv2d {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x, kernel] = expect_floats(inputs)?;
        self.output(&x, &kernel).map(TensorType::f32)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (x, kernel) = (at.inputs[0], at.inputs[1]);
        let dx = graph.conv2d_input_grad(at.gradient, kernel, *self, graph.shape(x).clone())?;
        let dkernel = graph.conv2d_kernel_grad(x, at.gradient, *self, kernel_size(graph.shape(kernel)))?;
        Ok(vec![InputGradient::Rule(dx), InputGradient::Rule(dkernel)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (x, kernel) = (inputs[0], inputs[1]);
        let mut y = Tensor::full(context.output.shape.at(context.batch), 0.0);
        self.each_product(&x.shape, &kernel.shape, |xi, ki, yi| y.accumulate(&yi, x.at(&xi) * kernel.at(&ki)));
        y
    }

    fn cases() -> Vec<Case> {
        let case =
            |(op, x, kernel, batch): Example| Case::new(op, [(x, Fill::Normal), (kernel, Fill::Normal)]).batch(batch);
        Conv2d::examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The convolution of `x` with `kernel`; see the module of the operator for formula and shapes.
    ///
    /// # Errors
    /// If the shapes do not fit, or the kernel is larger than the image.
    pub fn conv2d(&mut self, x: NodeId, kernel: NodeId, conv: Conv2d) -> Result<NodeId, GraphError> {
        self.push(conv, &[x, kernel])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(conv: Conv2d, x: Shape, kernel: &[usize]) -> String {
        let mut graph = Graph::new();
        let x = graph.input("x", TensorType::f32(x)).unwrap();
        let kernel = graph.input("kernel", TensorType::f32(Shape::fixed(kernel))).unwrap();
        graph.set_scope("conv2d_1");
        graph.conv2d(x, kernel, conv).unwrap_err().to_string()
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let base = Conv2d::default();
        let image = || Shape::batched(&[8, 8, 4]);
        let wrong = error(base, image(), &[3, 3, 3, 5]);
        assert!(wrong.contains("layer \"conv2d_1\"") && wrong.contains("[B, 8, 8, 4]"), "{wrong}");
        assert!(wrong.contains("[3, 3, 3, 5]") && wrong.contains("needs 4 input channels"), "{wrong}");
        let wrong = error(base, image(), &[9, 3, 4, 5]);
        assert!(wrong.contains("along the height, a window of 9 cells does not fit into 8"), "{wrong}");
        let wrong = error(Conv2d { groups: 3, ..base }, image(), &[3, 3, 1, 6]);
        assert!(wrong.contains("4 input channels and 6 output channels cannot be divided into 3 groups"), "{wrong}");
        let wrong = error(Conv2d { groups: 0, ..base }, image(), &[3, 3, 1, 6]);
        assert!(wrong.contains("into 0 groups"), "{wrong}");
        let wrong = error(base, Shape::batched(&[64]), &[3, 3, 1, 6]);
        assert!(wrong.contains("[batch, height, width, channels], got [B, 64]"), "{wrong}");
        let wrong = error(base, image(), &[3, 3]);
        assert!(wrong.contains("got [3, 3]"), "{wrong}");
    }
}
