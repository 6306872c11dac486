//! The gradient of rows taken from a table.
//!
//! `y[r, :] = Σ dy[…, :]` over the places whose index addresses row `r`; 0 for rows that none addresses. An index outside
//! adds to no row.
//!
//! Shapes: integer `index […]`, `dy […, D]` → `y [V, D]`. Gradient: with respect to `dy` the rows of the incoming
//! gradient, by `gather`; none for indices. The sum of a row runs in the order of the places, on any number of threads.

use serde::{Deserialize, Serialize};

use super::Gather;
use super::rows::split_last;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of [`Gather`] with respect to the table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GatherGrad {
    /// How the indices address the table.
    pub gather: Gather,
    /// The rows of the table.
    pub table_rows: usize,
}

impl Operator for GatherGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let &[indices, dy] = inputs else {
            return Err(ShapeError::new(format!("expects indices and a gradient, got {} inputs", inputs.len())));
        };
        let places = self.gather.places(indices, self.table_rows)?;
        let [dy] = expect_floats(&[dy])?;
        let (lead, width) = split_last(&dy)?;
        if lead != places {
            return Err(ShapeError::new(format!("indices {indices} need a gradient {places} by rows, got {dy}")));
        }
        Ok(TensorType::f32(Shape(vec![Dim::Fixed(self.table_rows), width])))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let ddy = graph.gather(at.gradient, at.inputs[0], self.gather.clone())?;
        Ok(vec![InputGradient::Stops { why: "indices are integers" }, InputGradient::Rule(ddy)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let mut y = Tensor::full(context.output.shape.at(context.batch), 0.0);
        let width = y.shape[1].max(1);
        for (row, dy) in self.gather.addressed(inputs[0], self.table_rows).iter().zip(inputs[1].data.chunks(width)) {
            if let Some(row) = row {
                y.data[row * width..].iter_mut().zip(dy).for_each(|(y, dy)| *y += dy);
            }
        }
        y
    }

    fn cases() -> Vec<Case> {
        let case = |(gather, table, indices, below): (Gather, Shape, Shape, _)| {
            let table_rows = table[0].at(0);
            let mut dy = gather.places(&TensorType::i32(indices.clone()), table_rows).expect("examples fit");
            dy.0.push(table[1]);
            Case::new(GatherGrad { gather, table_rows }, [(indices, Fill::Labels(below)), (dy, Fill::Normal)])
        };
        Gather::examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The gradient of [`Graph::gather`] with respect to its table of `table_rows` rows, from the gradient `dy` of its
    /// result.
    ///
    /// # Errors
    /// If the shapes are not those of one `gather`.
    pub fn gather_grad(
        &mut self,
        indices: NodeId,
        dy: NodeId,
        table_rows: usize,
        gather: Gather,
    ) -> Result<NodeId, GraphError> {
        self.push(GatherGrad { gather, table_rows }, &[indices, dy])
    }
}
