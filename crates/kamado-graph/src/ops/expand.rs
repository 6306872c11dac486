//! Broadcast to a larger shape.
//!
//! `y[i] = x[i under broadcasting]`. Gradient: `dx = dy`, which the driver sums over the broadcast axes.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Broadcasts to `shape`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Expand {
    /// The shape of the result.
    pub shape: Shape,
}

impl Operator for Expand {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        if x.broadcast(&self.shape).as_ref() != Some(&self.shape) {
            return Err(ShapeError::new(format!("{x} does not broadcast to {}", self.shape)));
        }
        Ok(TensorType::f32(self.shape.clone()))
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Rule(at.gradient)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        Tensor::from_fn(self.shape.at(context.batch), |index| inputs[0].at(index))
    }

    fn cases() -> Vec<Case> {
        let case = |from, to| Case::new(Expand { shape: to }, [(from, Fill::Normal)]);
        vec![
            case(Shape::scalar(), Shape::batched(&[9])),
            case(Shape::fixed(&[9]), Shape::batched(&[2, 9])),
            case(Shape::batched(&[1]), Shape::batched(&[17])),
            case(Shape::batched(&[1, 5]), Shape::batched(&[4, 5])),
            case(Shape::batched(&[4]), Shape::batched(&[4])),
        ]
    }
}

impl Graph {
    /// `x`, broadcast to `shape`.
    ///
    /// # Errors
    /// If it does not broadcast.
    pub fn expand(&mut self, x: NodeId, shape: Shape) -> Result<NodeId, GraphError> {
        if *self.shape(x) == shape { Ok(x) } else { self.push(Expand { shape }, &[x]) }
    }
}
