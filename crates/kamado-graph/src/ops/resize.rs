//! Resizing of images, channels last.
//!
//! `y[b, i, j, c] = Σ_{r, s} u[i, r] · v[j, s] · x[b, r, s, c]`, where the weights `u` of the rows and `v` of the columns depend
//! on the method. With `t = (i + ½) · H / OH - ½`, the place of output row `i` between the rows of `x`:
//! `nearest` takes row `⌊(i + ½) · H / OH⌋`; `bilinear` takes rows `⌊t⌋` and `⌊t⌋ + 1` with weights `1 - (t - ⌊t⌋)` and
//! `t - ⌊t⌋`, each moved to the nearest row that exists.
//!
//! Shapes: `x [B, H, W, C]` → `y [B, OH, OW, C]`, which the attributes give. Gradient: `dx` by `resize_grad`.
//! Source: `tf.image.resize` (half-pixel centres, no antialiasing), which Keras' UpSampling2D calls.

use serde::{Deserialize, Serialize};

use super::window::Image;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// How values between pixels are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The pixel that is nearest.
    #[default]
    Nearest,
    /// The four pixels around, weighted by their distance along each axis.
    Bilinear,
}

/// Resizes images to `size`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resize {
    /// The height and width of the result.
    pub size: [usize; 2],
    /// How values between pixels are found.
    pub interpolation: Interpolation,
}

impl Interpolation {
    /// For each of `output` places, the one or two of `input` pixels that it is made of, with their weights.
    ///
    /// # Panics
    /// If there is no pixel.
    pub fn weights(self, input: usize, output: usize) -> Vec<Vec<(usize, f64)>> {
        assert!(input > 0, "an axis without pixels cannot be resized");
        let last = input - 1;
        let place = |i: usize| (i as f64 + 0.5) * (input as f64 / output as f64);
        let weights = |i: usize| match self {
            Interpolation::Nearest => vec![((place(i).floor() as usize).min(last), 1.0)],
            Interpolation::Bilinear => {
                let (below, share) = ((place(i) - 0.5).floor(), (place(i) - 0.5).rem_euclid(1.0));
                let (low, high) = (below.max(0.0) as usize, ((below + 1.0) as usize).min(last));
                match low == high || share == 0.0 {
                    true => vec![(low, 1.0)],
                    false => vec![(low, 1.0 - share), (high, share)],
                }
            }
        };
        (0..output).map(weights).collect()
    }
}

impl Resize {
    /// The shape of the result.
    pub(super) fn output(&self, x: &Shape) -> Result<Shape, ShapeError> {
        let image = Image::new("an image", x)?;
        if image.size.contains(&0) || self.size.contains(&0) {
            return Err(ShapeError::new(format!("cannot resize {x} to {:?}: an axis has no pixels", self.size)));
        }
        Ok(Shape(vec![image.batch, Dim::Fixed(self.size[0]), Dim::Fixed(self.size[1]), Dim::Fixed(image.channels)]))
    }

    /// Calls `visit` with the places in `x` and `y` and the weight of every term of the sum.
    pub(super) fn each_term(&self, x: &[usize], mut visit: impl FnMut([usize; 4], [usize; 4], f64)) {
        let [rows, columns] = [0, 1].map(|axis| self.interpolation.weights(x[axis + 1], self.size[axis]));
        for (i, row) in rows.iter().enumerate() {
            for (j, column) in columns.iter().enumerate() {
                for (&(r, u), &(s, v)) in row.iter().flat_map(|r| column.iter().map(move |c| (r, c))) {
                    for (b, c) in super::window::grid(x[0], x[3]) {
                        visit([b, r, s, c], [b, i, j, c], u * v);
                    }
                }
            }
        }
    }

    /// Larger and smaller images, by whole and other factors, and channels around the widths of vectors.
    pub(super) fn examples() -> Vec<(Resize, Shape)> {
        let example = |interpolation, size, x: [usize; 3]| (Resize { size, interpolation }, Shape::batched(&x));
        [Interpolation::Nearest, Interpolation::Bilinear]
            .into_iter()
            .flat_map(|how| {
                [
                    example(how, [1, 1], [1, 1, 1]),
                    example(how, [4, 6], [2, 3, 3]),
                    example(how, [6, 4], [2, 4, 17]),
                    example(how, [9, 5], [3, 5, 8]),
                    example(how, [5, 3], [3, 4, 2]),
                    example(how, [2, 3], [5, 7, 2]),
                    example(how, [3, 4], [1, 2, 33]),
                ]
            })
            .collect()
    }
}

impl Operator for Resize {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        self.output(&x).map(TensorType::f32)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let input = graph.shape(at.inputs[0]).clone();
        Ok(vec![InputGradient::Rule(graph.resize_grad(at.gradient, *self, input)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut y = Tensor::full(context.output.shape.at(context.batch), 0.0);
        self.each_term(&inputs[0].shape, |xi, yi, weight| y.accumulate(&yi, weight * inputs[0].at(&xi)));
        y
    }

    fn cases() -> Vec<Case> {
        Resize::examples().into_iter().map(|(op, x)| Case::new(op, [(x, Fill::Normal)])).collect()
    }
}

impl Graph {
    /// The images `x` in another size.
    ///
    /// # Errors
    /// If `x` is no image, or one of the sizes is zero.
    pub fn resize(&mut self, x: NodeId, resize: Resize) -> Result<NodeId, GraphError> {
        self.push(resize, &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_half_pixel_centres() {
        let weights = |how: Interpolation, input, output| how.weights(input, output);
        assert_eq!(weights(Interpolation::Nearest, 2, 4), [[(0, 1.0)], [(0, 1.0)], [(1, 1.0)], [(1, 1.0)]]);
        let bilinear = weights(Interpolation::Bilinear, 2, 4);
        let expected = [vec![(0, 1.0)], vec![(0, 0.75), (1, 0.25)], vec![(0, 0.25), (1, 0.75)], vec![(1, 1.0)]];
        assert_eq!(bilinear, expected);
    }

    #[test]
    fn refuses_what_has_no_pixels() {
        let mut graph = Graph::new();
        let x = graph.input("x", TensorType::f32(Shape::batched(&[0, 4, 3]))).unwrap();
        let wrong = graph.resize(x, Resize { size: [2, 2], interpolation: Interpolation::Nearest }).unwrap_err();
        assert!(wrong.to_string().contains("cannot resize [B, 0, 4, 3] to [2, 2]"), "{wrong}");
    }
}
