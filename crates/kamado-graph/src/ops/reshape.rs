//! The same elements in another shape.
//!
//! Row-major order is kept. Gradient: `dx = dy`, in the shape of `x`.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// Reshapes to `shape`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reshape {
    /// The shape of the result.
    pub shape: Shape,
}

impl Operator for Reshape {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        let (from, to) = (x.elements(), self.shape.elements());
        if from != to || to.is_none() {
            let count = |n: Option<Dim>| n.map_or("too many".to_owned(), |n| n.to_string());
            return Err(ShapeError::new(format!(
                "cannot reshape {x} ({} elements) to {} ({} elements)",
                count(from),
                self.shape,
                count(to)
            )));
        }
        Ok(TensorType::f32(self.shape.clone()))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let shape = graph.shape(at.inputs[0]).clone();
        Ok(vec![InputGradient::Rule(graph.reshape(at.gradient, shape)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        Tensor::new(self.shape.at(context.batch), inputs[0].data.clone())
    }

    fn cases() -> Vec<Case> {
        let case = |from, to| Case::new(Reshape { shape: to }, [(from, Fill::Normal)]);
        vec![
            case(Shape::batched(&[4, 5]), Shape::batched(&[20])),
            case(Shape::batched(&[4, 5]), Shape(vec![Dim::Batch(4), Dim::Fixed(5)])),
            case(Shape::fixed(&[1, 1]), Shape::scalar()),
        ]
    }
}

impl Graph {
    /// `x` in another shape with as many elements.
    ///
    /// # Errors
    /// If the numbers of elements differ.
    pub fn reshape(&mut self, x: NodeId, shape: Shape) -> Result<NodeId, GraphError> {
        if *self.shape(x) == shape { Ok(x) } else { self.push(Reshape { shape }, &[x]) }
    }
}
