//! Multiplication by a number that may depend on the batch size.
//!
//! `y = x · factor / ∏ divide_by`, elementwise; any shape. With the extents of summed axes in `divide_by`, a sum
//! becomes a mean. Gradient: `dx = dy · factor / ∏ divide_by`.

use serde::{Deserialize, Serialize};

use super::elementwise::unary_type;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// `y = x · factor / ∏ divide_by`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Scale {
    /// The constant part.
    pub factor: f64,
    /// Extents to divide by.
    pub divide_by: Vec<Dim>,
}

impl Scale {
    /// The number to multiply by for a batch of `batch` examples.
    pub fn by(&self, batch: usize) -> f64 {
        self.divide_by.iter().fold(self.factor, |f, d| f / d.at(batch) as f64)
    }
}

impl Operator for Scale {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        if !self.factor.is_finite() {
            return Err(ShapeError::new(format!("the factor must be finite, got {}", self.factor)));
        }
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Rule(graph.push(self.clone(), &[at.gradient])?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let by = self.by(context.batch);
        inputs[0].map(|x| x * by)
    }

    fn cases() -> Vec<Case> {
        let input = || [(Shape::batched(&[9]), Fill::Normal)];
        vec![
            Case::new(Scale { factor: -2.5, divide_by: vec![] }, input()),
            Case::new(Scale { factor: 1.0, divide_by: vec![Dim::B, Dim::Fixed(9)] }, input()),
            Case::new(Scale { factor: 3.0, divide_by: vec![Dim::Batch(4)] }, input()).batch(1),
        ]
    }
}

impl Graph {
    /// `x · factor`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn scale(&mut self, x: NodeId, factor: f64) -> Result<NodeId, GraphError> {
        self.push(Scale { factor, divide_by: Vec::new() }, &[x])
    }
}
