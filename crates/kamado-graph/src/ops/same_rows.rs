//! Which places of an example address the same row of a table.
//!
//! `y[b, t, s] = 1 if index t of the first and index s of the second address the same row, else 0`.
//!
//! Shapes: integer indices `[B, …]` with n and m places per example → `[B, n, m]`; how they address the table is said as in
//! [`Gather`]. Gradient: none for indices.

use serde::{Deserialize, Serialize};

use super::Gather;
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// Which places of an example address the same row of a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SameRows {
    /// How the indices address the table.
    pub gather: Gather,
    /// The rows of the table.
    pub table_rows: usize,
}

/// How many places of an example the indices address.
pub(super) fn places_of(gather: &Gather, indices: &TensorType, table_rows: usize) -> Result<usize, ShapeError> {
    match gather.places(indices, table_rows)?.elements() {
        Some(Dim::Batch(places)) => Ok(places),
        _ => Err(ShapeError::new(format!("expects indices of a batch, got {indices}"))),
    }
}

impl Operator for SameRows {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let &[first, second] = inputs else {
            return Err(ShapeError::new(format!("expects two tensors of indices, got {} inputs", inputs.len())));
        };
        let places = |indices| places_of(&self.gather, indices, self.table_rows);
        Ok(TensorType::f32(Shape::batched(&[places(first)?, places(second)?])))
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Stops { why: "indices are integers" }; 2])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let [first, second] = [0, 1].map(|i| self.gather.addressed(inputs[i], self.table_rows));
        let shape = context.output.shape.at(context.batch);
        let (n, m) = (shape[1], shape[2]);
        Tensor::from_fn(shape, |i| f64::from(first[i[0] * n + i[1]] == second[i[0] * m + i[2]]))
    }

    fn cases() -> Vec<Case> {
        let by = |rows: &[usize], first_column| Gather { rows: rows.to_vec(), first_column };
        let case = |gather, table_rows, below, first: &[usize], second: &[usize]| {
            let indices = |dims| (Shape::batched(dims), Fill::Labels(below));
            Case::new(SameRows { gather, table_rows }, [indices(first), indices(second)])
        };
        vec![
            case(by(&[], 0), 3, 3, &[], &[]),
            case(by(&[], 0), 4, 4, &[7], &[7]),
            case(by(&[], 0), 5, 5, &[2, 9], &[3]),
            case(by(&[3, 4, 3], 1), 10, 3, &[5], &[5]),
        ]
    }
}
