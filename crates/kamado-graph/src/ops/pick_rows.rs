//! The values that belong to addressed rows, example by example.
//!
//! `y[b, t, s] = x[b, s, row(index t)]`: where `x` holds a number for every row of a table, those of the rows that the
//! example's own indices address.
//!
//! Shapes: `x [B, S, V]`, integer indices `[B, …]` with n places per example → `[B, n, S]`. Gradient: none; it exists to
//! measure gradients of tables that are looked up and multiplied by.

use serde::{Deserialize, Serialize};

use super::Gather;
use super::same_rows::places_of;
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// The values that belong to addressed rows, example by example.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PickRows {
    /// How the indices address the rows.
    pub gather: Gather,
}

impl Operator for PickRows {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let &[x, indices] = inputs else {
            return Err(ShapeError::new(format!("expects values and indices, got {} inputs", inputs.len())));
        };
        let [shape] = expect_floats(&[x])?;
        let [Dim::B, Dim::Fixed(steps), Dim::Fixed(rows)] = shape[..] else {
            return Err(ShapeError::new(format!("expects values [B, S, V], got {shape}")));
        };
        Ok(TensorType::f32(Shape::batched(&[places_of(&self.gather, indices, rows)?, steps])))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Stops { why: "what measures gradients has none itself" }; 2])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (x, shape) = (inputs[0], context.output.shape.at(context.batch));
        let rows = self.gather.addressed(inputs[1], x.shape[2]);
        let places = shape[1];
        Tensor::from_fn(shape, |i| rows[i[0] * places + i[1]].map_or(f64::NAN, |row| x.at(&[i[0], i[2], row])))
    }

    fn cases() -> Vec<Case> {
        let by = |rows: &[usize], first_column| Gather { rows: rows.to_vec(), first_column };
        let case = |gather, x: [usize; 2], below, indices: &[usize]| {
            Case::new(
                PickRows { gather },
                [(Shape::batched(&x), Fill::Normal), (Shape::batched(indices), Fill::Labels(below))],
            )
        };
        vec![
            case(by(&[], 0), [1, 1], 1, &[]),
            case(by(&[], 0), [5, 9], 9, &[4]),
            case(by(&[], 0), [2, 17], 17, &[3, 2]),
            case(by(&[2, 5], 0), [3, 7], 2, &[2]),
        ]
    }
}
