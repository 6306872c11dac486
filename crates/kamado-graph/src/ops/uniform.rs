//! Random numbers between 0 and 1, drawn anew in every step.
//!
//! `y[i] = (word + 1/2) / 2³²` with the random word [`rng::element`]`(seed, step, stream, i)` of element `i`, counted in
//! row-major order: uniform, and never 0.
//!
//! Shapes: no inputs; any result. Gradient: none is needed, since nothing comes before it.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, InputGradient, Operator, expect_floats};
use crate::rng;
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Random numbers between 0 and 1.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Uniform {
    /// The number of the random node, by which several of a graph differ; shared with dropout masks.
    pub stream: u32,
    /// The shape.
    pub shape: Shape,
}

impl Operator for Uniform {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [] = expect_floats(inputs)?;
        Ok(TensorType::f32(self.shape.clone()))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(Vec::new())
    }

    fn reference(&self, _: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut y = Tensor::full(self.shape.at(context.batch), 0.0);
        for (i, element) in y.data.iter_mut().enumerate() {
            let word = rng::element(context.seed, context.step, self.stream, i);
            *element = (f64::from(word) + 0.5) / 4_294_967_296.0;
        }
        y
    }

    fn cases() -> Vec<Case> {
        let case = |stream, shape| Case::new(Uniform { stream, shape }, []);
        vec![
            case(0, Shape::scalar()),
            case(1, Shape::fixed(&[0])),
            case(2, Shape::batched(&[5])),
            case(u32::MAX, Shape::batched(&[2, 67])),
        ]
    }
}

impl Graph {
    /// Standard normal numbers of this shape, drawn anew in every step: `√(-2 ln u) · cos 2πv` for uniform `u` and `v` of two
    /// streams.
    ///
    /// Source: Box and Muller, "A note on the generation of random normal deviates", 1958.
    ///
    /// # Errors
    /// If the batch size enters the shape twice.
    pub fn normal(&mut self, shape: &Shape, streams: [u32; 2]) -> Result<NodeId, GraphError> {
        let [u, v] = streams.map(|stream| self.push(Uniform { stream, shape: shape.clone() }, &[]));
        let (u, v) = (u?, v?);
        let log = self.log(u)?;
        let square = self.scale(log, -2.0)?;
        let radius = self.sqrt(square)?;
        let angle = self.scale(v, std::f64::consts::TAU)?;
        let direction = self.cos(angle)?;
        self.mul(radius, direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::{Run, evaluate};

    #[test]
    fn normal_numbers_have_the_moments_of_the_normal_distribution() {
        let mut g = Graph::new();
        let z = g.normal(&Shape::fixed(&[100_000]), [0, 1]).unwrap();
        g.set_output("z", z);
        let z = &evaluate(&g, &[], &[], &Run::default()).unwrap()[0].1;
        let moment = |k: i32| z.data.iter().map(|z| z.powi(k)).sum::<f64>() / 1e5;
        // Four standard deviations of each: 1, 2, 15 and 96 over the number of elements.
        for (k, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let bound = 4.0 * (variance / 1e5f64).sqrt();
            assert!((moment(k) - expected).abs() < bound, "moment {k}: {}", moment(k));
        }
    }
}
