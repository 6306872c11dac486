//! The mask of dropout, drawn anew in every step.
//!
//! `y[i] = 1 / (1 - rate)` if element `i` is kept, else `0`. Element `i`, counted in row-major order, is kept if its random
//! word, [`rng::element`]`(seed, step, stream, i)`, is at least `round(rate · 2³²)`; so the expectation of `y` is 1.
//!
//! Shapes: no inputs; any result. Gradient: none is needed, since nothing comes before it.
//! Source: Srivastava et al., "Dropout", 2014, in the inverted form that leaves inference as it is.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, InputGradient, Operator, expect_floats};
use crate::rng;
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The mask of dropout.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DropoutMask {
    /// The probability that an element is dropped: at least 0 and below 1.
    pub rate: f64,
    /// The number of the random node, by which several masks of a graph differ.
    pub stream: u32,
    /// The shape.
    pub shape: Shape,
}

impl DropoutMask {
    /// An element is kept if its random word is at least this.
    pub fn threshold(&self) -> u64 {
        (self.rate * 4_294_967_296.0).round() as u64
    }

    /// The value of a kept element.
    pub fn scale(&self) -> f64 {
        1.0 / (1.0 - self.rate)
    }
}

impl Operator for DropoutMask {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [] = expect_floats(inputs)?;
        if !(0.0..1.0).contains(&self.rate) {
            return Err(ShapeError::new(format!("the rate must be at least 0 and below 1, got {}", self.rate)));
        }
        Ok(TensorType::f32(self.shape.clone()))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(Vec::new())
    }

    fn reference(&self, _: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut mask = Tensor::full(self.shape.at(context.batch), 0.0);
        for (i, element) in mask.data.iter_mut().enumerate() {
            let word = rng::element(context.seed, context.step, self.stream, i);
            *element = if u64::from(word) >= self.threshold() { self.scale() } else { 0.0 };
        }
        mask
    }

    fn cases() -> Vec<Case> {
        let case = |rate, stream, shape| Case::new(DropoutMask { rate, stream, shape }, []);
        vec![
            case(0.5, 0, Shape::scalar()),
            case(0.5, 1, Shape::fixed(&[0])),
            case(0.0, 2, Shape::batched(&[5])),
            case(0.25, 3, Shape::batched(&[2, 17])),
            case(0.9, u32::MAX, Shape::fixed(&[133])),
        ]
    }
}

impl Graph {
    /// `x` with a share `rate` of its elements set to zero and the others scaled up by `1 / (1 - rate)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor, or the rate is not in `[0, 1)`.
    pub fn dropout(&mut self, x: NodeId, rate: f64, stream: u32) -> Result<NodeId, GraphError> {
        let mask = self.push(DropoutMask { rate, stream, shape: self.shape(x).clone() }, &[])?;
        self.mul(x, mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_expectation() {
        let (rate, output) = (0.3, TensorType::f32(Shape::fixed(&[100_000])));
        let mask = DropoutMask { rate, stream: 4, shape: output.shape.clone() };
        let context = Context { batch: 1, seed: 7, step: 3, output: &output };
        let mean = mask.reference(&[], &context).data.iter().sum::<f64>() / 1e5;
        // Four standard deviations of a mean of 100,000 elements.
        assert!((mean - 1.0).abs() < 4.0 * (rate / (1.0 - rate) / 1e5).sqrt(), "{mean}");
    }

    #[test]
    fn refuses_a_rate_that_leaves_nothing() {
        for rate in [1.0, -0.1, f64::NAN] {
            let mask = DropoutMask { rate, stream: 0, shape: Shape::scalar() };
            let wrong = mask.infer(&[]).unwrap_err().to_string();
            assert!(wrong.contains("at least 0 and below 1, got"), "{wrong}");
        }
    }
}
