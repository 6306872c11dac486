//! Multiplication by weights of which zero hides everything.
//!
//! `y = x · w where w ≠ 0, else exactly 0`, elementwise, so that what is infinite or not a number in `x` leaves no trace
//! where the weight is zero; any shapes that broadcast as in NumPy.
//! Gradient: `dx = gate(dy, w)`; none for the weights, which say what counts.

use serde::{Deserialize, Serialize};

use super::elementwise::{binary_cases, binary_reference, binary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Multiplication by weights of which zero hides everything: `y = x · w where w ≠ 0, else 0`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gate;

impl Operator for Gate {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        binary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let dx = graph.gate(at.gradient, at.inputs[1])?;
        Ok(vec![InputGradient::Rule(dx), InputGradient::Stops { why: "the weights of a gate say what counts" }])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        binary_reference(inputs, context, |x, w| if w == 0.0 { 0.0 } else { x * w })
    }

    fn cases() -> Vec<Case> {
        let mut cases = binary_cases(Gate, Fill::Normal);
        let weights = Fill::Values([0.0, 0.5, 1.0].repeat(3));
        cases.push(Case::new(Gate, [(Shape::batched(&[3, 7]), Fill::Normal), (Shape::batched(&[3, 1]), weights)]));
        cases
    }
}

impl Graph {
    /// `x · w where w ≠ 0, else 0`, with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn gate(&mut self, x: NodeId, w: NodeId) -> Result<NodeId, GraphError> {
        self.push(Gate, &[x, w])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_hides_what_is_not_finite() {
        let x = Tensor::new(vec![4], vec![f64::NAN, f64::INFINITY, 3.0, f64::NAN]);
        let w = Tensor::new(vec![4], vec![0.0, 0.0, 2.0, 1.0]);
        let output = TensorType::f32(Shape::fixed(&[4]));
        let y = Gate.reference(&[&x, &w], &Context { batch: 1, seed: 0, step: 0, output: &output });
        assert_eq!(y.data[..3], [0.0, 0.0, 6.0]);
        assert!(y.data[3].is_nan());
    }
}
