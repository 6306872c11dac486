//! The smaller of two tensors.
//!
//! `y = min(a, b)`, elementwise; any shapes that broadcast as in NumPy.
//! Gradient: the smaller input takes dy; equal inputs take half each.
//!
//! NaN in either input gives NaN. Equal inputs share the gradient, as in PyTorch.

use serde::{Deserialize, Serialize};

use super::elementwise::{binary_cases, binary_reference, binary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// The smaller of two tensors: `y = min(a, b)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Minimum;

impl Operator for Minimum {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        binary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (da, db) = super::elementwise::winner_takes(graph, at, true)?;
        Ok(vec![InputGradient::Rule(da), InputGradient::Rule(db)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        binary_reference(inputs, context, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) })
    }

    fn cases() -> Vec<Case> {
        binary_cases(Minimum, Fill::Distinct)
    }
}

impl Graph {
    /// `y = min(a, b)`, with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn minimum(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, GraphError> {
        self.push(Minimum, &[a, b])
    }
}
