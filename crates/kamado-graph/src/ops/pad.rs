//! Zeros around a tensor.
//!
//! `y[i] = x[i - before]` where that exists, else 0.
//!
//! Shapes: `x [.., N, ..]` → `y [.., before + N + after, ..]` along every axis but that of the batch, which stays as it is.
//! Gradient: `dx` is `dy` without the border, by `slice` along each axis.

use serde::{Deserialize, Serialize};

use super::slice::fixed_extent;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// Zeros before and after the elements of each axis.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pad {
    /// How many zeros come before the elements of each axis.
    pub before: Vec<usize>,
    /// How many come after them.
    pub after: Vec<usize>,
}

impl Operator for Pad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        if self.before.len() != x.rank() || self.after.len() != x.rank() {
            return Err(ShapeError::new(format!(
                "expects a width before and after each axis of {x}, got {:?} and {:?}",
                self.before, self.after
            )));
        }
        let mut shape = x.clone();
        for (axis, (&before, &after)) in self.before.iter().zip(&self.after).enumerate() {
            if before > 0 || after > 0 {
                let padded = fixed_extent(&x, axis)?.checked_add(before).and_then(|n| n.checked_add(after));
                let too_large =
                    || ShapeError::new(format!("{before} and {after} zeros around axis {axis} are too many"));
                shape.0[axis] = Dim::Fixed(padded.ok_or_else(too_large)?);
            }
        }
        Ok(TensorType::f32(shape))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let x = graph.shape(at.inputs[0]).clone();
        let mut dx = at.gradient;
        for (axis, (&before, &after)) in self.before.iter().zip(&self.after).enumerate() {
            if before > 0 || after > 0 {
                dx = graph.slice(dx, axis, before, x[axis].at(0))?;
            }
        }
        Ok(vec![InputGradient::Rule(dx)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut from = Vec::new();
        Tensor::from_fn(context.output.shape.at(context.batch), |index| {
            from.clear();
            from.extend(index.iter().zip(&self.before).map_while(|(&i, &before)| i.checked_sub(before)));
            let inside = from.len() == index.len() && from.iter().zip(&inputs[0].shape).all(|(i, n)| i < n);
            if inside { inputs[0].at(&from) } else { 0.0 }
        })
    }

    fn cases() -> Vec<Case> {
        let case = |dims: &[usize], before: &[usize], after: &[usize]| {
            let pad = Pad { before: before.to_vec(), after: after.to_vec() };
            Case::new(pad, [(Shape::batched(dims), Fill::Normal)])
        };
        vec![
            case(&[1], &[0, 0], &[0, 1]),
            case(&[9], &[0, 3], &[0, 0]),
            case(&[4, 5], &[0, 0, 2], &[0, 0, 1]),
            case(&[4, 5], &[0, 2, 0], &[0, 1, 0]),
            case(&[3, 2, 3], &[0, 1, 0, 0], &[0, 0, 2, 0]),
            case(&[3, 4, 5], &[0, 1, 2, 3], &[0, 3, 2, 1]),
            case(&[2, 2], &[0, 0, 0], &[0, 0, 0]),
        ]
    }
}

impl Graph {
    /// `x` with `before` and `after` zeros along each axis; `x` itself if there are none.
    ///
    /// # Errors
    /// If there is not one width for each axis, or that of the batch would grow.
    pub fn pad(&mut self, x: NodeId, before: &[usize], after: &[usize]) -> Result<NodeId, GraphError> {
        if before.len() == after.len()
            && before.len() == self.shape(x).rank()
            && before.iter().chain(after).all(|&n| n == 0)
        {
            return Ok(x);
        }
        self.push(Pad { before: before.to_vec(), after: after.to_vec() }, &[x])
    }
}
