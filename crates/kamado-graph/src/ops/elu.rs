//! Exponential linear unit.
//!
//! `y = x if x > 0, else alpha · (eˣ - 1)`, elementwise; any shape. Gradient: `dx = dy` where `x > 0`, else `dy · alpha · eˣ`.
//!
//! Source: Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units",
//! 2016.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Exponential linear unit: `y = x if x > 0, else alpha · (eˣ - 1)`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Elu {
    /// The value that is approached, with its sign turned, as x falls.
    pub alpha: f64,
}

impl Operator for Elu {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        if !self.alpha.is_finite() {
            return Err(ShapeError::new(format!("alpha must be finite, got {}", self.alpha)));
        }
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let slope = {
            // alpha · e^min(x, 0) + (1 - alpha) · step(x): the exponential is 1 where x is positive.
            let zero = graph.constant(0.0, Shape::scalar())?;
            let negative = graph.minimum(at.inputs[0], zero)?;
            let power = graph.exp(negative)?;
            let curve = graph.scale(power, self.alpha)?;
            let positive = graph.step(at.inputs[0])?;
            let rest = graph.scale(positive, 1.0 - self.alpha)?;
            graph.add(curve, rest)?
        };
        Ok(vec![InputGradient::Rule(graph.mul(at.gradient, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(|x| if x > 0.0 || x.is_nan() { x } else { self.alpha * x.exp_m1() })
    }

    fn cases() -> Vec<Case> {
        [1.0, 0.3].into_iter().flat_map(|alpha| unary_cases(Elu { alpha }, Fill::NonZero)).collect()
    }
}

impl Graph {
    /// `y = x if x > 0, else alpha · (eˣ - 1)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor, or `alpha` is not finite.
    pub fn elu(&mut self, x: NodeId, alpha: f64) -> Result<NodeId, GraphError> {
        self.push(Elu { alpha }, &[x])
    }
}
