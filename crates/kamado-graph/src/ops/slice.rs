//! A run of neighbours along one axis.
//!
//! `y[…, i, …] = x[…, start + i, …]` for `0 ≤ i < len`.
//!
//! Shapes: `x [.., N, ..]` → `y [.., len, ..]`, any axis but that of the batch. Gradient: `dx` is `dy` between zeros, by
//! `pad`.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// The elements `start..start + len` along `axis`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Slice {
    /// The axis that is cut.
    pub axis: usize,
    /// The first element that is kept.
    pub start: usize,
    /// How many are kept.
    pub len: usize,
}

/// The extent of `axis`, which must exist and not depend on the batch size.
pub(super) fn fixed_extent(x: &Shape, axis: usize) -> Result<usize, ShapeError> {
    match x.get(axis) {
        Some(&Dim::Fixed(n)) => Ok(n),
        Some(Dim::Batch(_)) => {
            Err(ShapeError::new(format!("axis {axis} of {x} is that of the batch; expects another")))
        }
        None => Err(ShapeError::new(format!("{x} has no axis {axis}"))),
    }
}

impl Operator for Slice {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        let extent = fixed_extent(&x, self.axis)?;
        if self.len == 0 || self.start.checked_add(self.len).is_none_or(|end| end > extent) {
            return Err(ShapeError::new(format!(
                "{} elements from {} on are not within axis {} of {x}",
                self.len, self.start, self.axis
            )));
        }
        let mut shape = x;
        shape.0[self.axis] = Dim::Fixed(self.len);
        Ok(TensorType::f32(shape))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let x = graph.shape(at.inputs[0]).clone();
        let (mut before, mut after) = (vec![0; x.rank()], vec![0; x.rank()]);
        before[self.axis] = self.start;
        after[self.axis] = x[self.axis].at(0) - self.start - self.len;
        Ok(vec![InputGradient::Rule(graph.pad(at.gradient, &before, &after)?)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut from = Vec::new();
        Tensor::from_fn(context.output.shape.at(context.batch), |index| {
            from.clear();
            from.extend_from_slice(index);
            from[self.axis] += self.start;
            inputs[0].at(&from)
        })
    }

    fn cases() -> Vec<Case> {
        let case = |dims: &[usize], axis, start, len| {
            Case::new(Slice { axis, start, len }, [(Shape::batched(dims), Fill::Normal)])
        };
        vec![
            case(&[1], 1, 0, 1),
            case(&[9], 1, 2, 7),
            case(&[33], 1, 8, 17),
            case(&[4, 5], 1, 3, 1),
            case(&[4, 5], 2, 0, 4),
            case(&[3, 4, 6], 2, 1, 2),
            Case::new(Slice { axis: 0, start: 1, len: 2 }, [(Shape::fixed(&[4, 3]), Fill::Normal)]),
        ]
    }
}

impl Graph {
    /// The elements `start..start + len` of `x` along `axis`; `x` itself if those are all.
    ///
    /// # Errors
    /// If there are none or not so many, or the axis is that of the batch.
    pub fn slice(&mut self, x: NodeId, axis: usize, start: usize, len: usize) -> Result<NodeId, GraphError> {
        match self.shape(x).get(axis) {
            Some(Dim::Fixed(n)) if start == 0 && *n == len => Ok(x),
            _ => self.push(Slice { axis, start, len }, &[x]),
        }
    }
}
