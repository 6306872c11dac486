//! Reordering of axes.
//!
//! `y[i_p(0), i_p(1), …] = x[i_0, i_1, …]`, NumPy's `transpose(x, permutation)`; any shape. Gradient: the inverse
//! reordering.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Axis `i` of the result is axis `permutation[i]` of the input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transpose {
    /// A reordering of `0..rank`.
    pub permutation: Vec<usize>,
}

impl Operator for Transpose {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        let mut sorted = self.permutation.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..x.rank()) {
            return Err(ShapeError::new(format!("{:?} does not reorder the axes of {x}", self.permutation)));
        }
        Ok(TensorType::f32(Shape(self.permutation.iter().map(|&axis| x[axis]).collect())))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let mut inverse = vec![0; self.permutation.len()];
        self.permutation.iter().enumerate().for_each(|(i, &axis)| inverse[axis] = i);
        Ok(vec![InputGradient::Rule(graph.transpose(at.gradient, &inverse)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut from = vec![0; self.permutation.len()];
        Tensor::from_fn(context.output.shape.at(context.batch), |index| {
            self.permutation.iter().zip(index).for_each(|(&axis, &i)| from[axis] = i);
            inputs[0].at(&from)
        })
    }

    fn cases() -> Vec<Case> {
        let case = |dims: &[usize], permutation: &[usize]| {
            Case::new(Transpose { permutation: permutation.to_vec() }, [(Shape::batched(dims), Fill::Normal)])
        };
        vec![
            case(&[], &[0]),
            case(&[9], &[1, 0]),
            case(&[17, 33], &[0, 2, 1]),
            case(&[4, 5, 6], &[3, 1, 0, 2]),
            case(&[2, 3, 4], &[0, 1, 2, 3]),
        ]
    }
}

impl Graph {
    /// `x` with its axes reordered.
    ///
    /// # Errors
    /// If `permutation` does not reorder the axes of `x`.
    pub fn transpose(&mut self, x: NodeId, permutation: &[usize]) -> Result<NodeId, GraphError> {
        self.push(Transpose { permutation: permutation.to_vec() }, &[x])
    }
}
