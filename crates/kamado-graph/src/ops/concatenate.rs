//! Several tensors, one after the other along an axis.
//!
//! `y[…, i, …]` runs through the elements of the first input along the axis, then those of the second, and so on.
//!
//! Shapes: `[.., Nₖ, ..]`, the same but for the axis → `[.., Σ Nₖ, ..]`, any axis but that of the batch. Gradient: to each
//! input its part of `dy`, by `slice`.

use serde::{Deserialize, Serialize};

use super::slice::fixed_extent;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{DType, Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// Tensors in a row along `axis`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Concatenate {
    /// The axis along which they follow each other.
    pub axis: usize,
}

impl Operator for Concatenate {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let Some(first) = inputs.first() else { return Err(ShapeError::new("expects at least one input, got none")) };
        let mut shape = first.shape.clone();
        let mut total = 0usize;
        for input in inputs {
            let extent = fixed_extent(&input.shape, self.axis)?;
            let mut rest = input.shape.clone();
            rest.0[self.axis] = shape[self.axis];
            if input.dtype != DType::F32 || rest != shape {
                let types: Vec<_> = inputs.iter().map(ToString::to_string).collect();
                return Err(ShapeError::new(format!(
                    "expects floats whose shapes differ along axis {} alone, got {}",
                    self.axis,
                    types.join(", ")
                )));
            }
            total = total.checked_add(extent).ok_or_else(|| ShapeError::new("the inputs have too many elements"))?;
        }
        shape.0[self.axis] = Dim::Fixed(total);
        Ok(TensorType::f32(shape))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let mut start = 0;
        let part = |input: &NodeId| {
            let len = graph.shape(*input)[self.axis].at(0);
            let part = graph.slice(at.gradient, self.axis, start, len)?;
            start += len;
            Ok(InputGradient::Rule(part))
        };
        at.inputs.iter().map(part).collect()
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut from = Vec::new();
        Tensor::from_fn(context.output.shape.at(context.batch), |index| {
            from.clear();
            from.extend_from_slice(index);
            let mut input = 0;
            while from[self.axis] >= inputs[input].shape[self.axis] {
                from[self.axis] -= inputs[input].shape[self.axis];
                input += 1;
            }
            inputs[input].at(&from)
        })
    }

    fn cases() -> Vec<Case> {
        let case = |axis, shapes: &[&[usize]]| {
            let inputs: Vec<_> = shapes.iter().map(|dims| (Shape::batched(dims), Fill::Normal)).collect();
            Case::new(Concatenate { axis }, inputs)
        };
        let many = vec![&[1usize][..]; 30];
        vec![
            case(1, &[&[3]]),
            case(1, &[&[1], &[1]]),
            case(1, &[&[7], &[9], &[1]]),
            case(1, &[&[2, 3], &[4, 3]]),
            case(2, &[&[2, 3], &[2, 17]]),
            case(2, &[&[3, 2, 5], &[3, 1, 5]]),
            case(1, &many),
            Case::new(
                Concatenate { axis: 0 },
                [(Shape::fixed(&[2, 3]), Fill::Normal), (Shape::fixed(&[1, 3]), Fill::Normal)],
            ),
        ]
    }
}

impl Graph {
    /// The inputs, one after the other along `axis`; a single input itself.
    ///
    /// # Errors
    /// If there are none, their shapes differ elsewhere, or the axis is that of the batch.
    pub fn concatenate(&mut self, inputs: &[NodeId], axis: usize) -> Result<NodeId, GraphError> {
        match inputs {
            [only] => Ok(*only),
            _ => self.push(Concatenate { axis }, inputs),
        }
    }
}
