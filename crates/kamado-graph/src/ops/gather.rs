//! Rows of a table, by their indices: an embedding.
//!
//! `y[…, :] = table[index[…], :]`. With `rows = [n₀, n₁, …]` the table holds one table of categories after the other, and
//! the last axis of the indices, the columns of a data set, tells them apart: the index in column `first_column + k` is
//! below `nₖ` and addresses row `n₀ + … + nₖ₋₁ + index`. An index outside gives NaN.
//!
//! Shapes: `table [V, D]`, integer `index […]` → `y […, D]`; with `rows` of K entries, `index […, C]` → `y […, K, D]`.
//! Gradient: `dtable` by `gather_grad`; none for indices.
//!
//! Source: `torch.nn.Embedding`; one table with offsets is the layout of `torch.nn.EmbeddingBag` in DLRM.

use serde::{Deserialize, Serialize};

use super::rows::split_last;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{DType, Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// Rows of a table.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Gather {
    /// How many rows of the table belong to each column of the indices; empty if every index addresses the whole table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<usize>,
    /// The column of the indices to which the first entry of `rows` belongs.
    #[serde(default)]
    pub first_column: usize,
}

impl Gather {
    /// The shape of the result without its last axis, for a table of `table_rows` rows.
    pub(super) fn places(&self, indices: &TensorType, table_rows: usize) -> Result<Shape, ShapeError> {
        if indices.dtype != DType::I32 {
            return Err(ShapeError::new(format!("expects integer indices, got {indices}")));
        }
        if self.rows.is_empty() {
            return Ok(indices.shape.clone());
        }
        let (mut places, columns) = split_last(&indices.shape)?;
        let last = self.first_column.saturating_add(self.rows.len());
        let total = self.rows.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        if last > columns.at(1) || matches!(columns, Dim::Batch(_)) || total != Some(table_rows) {
            return Err(ShapeError::new(format!(
                "a table of {table_rows} rows, split {:?} over the columns from {} on, does not fit indices {indices}",
                self.rows, self.first_column
            )));
        }
        places.0.push(Dim::Fixed(self.rows.len()));
        Ok(places)
    }

    /// For each place, the row of a table of `table_rows` rows, if the index there is valid.
    pub(crate) fn addressed(&self, indices: &Tensor, table_rows: usize) -> Vec<Option<usize>> {
        let within = |index: f64, rows: usize| (index >= 0.0 && index < rows as f64).then_some(index as usize);
        if self.rows.is_empty() {
            return indices.data.iter().map(|&index| within(index, table_rows)).collect();
        }
        let columns = indices.shape.last().copied().unwrap_or(1).max(1);
        let mut addressed = Vec::new();
        for example in indices.data.chunks(columns) {
            let mut first = 0;
            for (&index, &rows) in example[self.first_column..].iter().zip(&self.rows) {
                addressed.push(within(index, rows).map(|i| first + i));
                first += rows;
            }
        }
        addressed
    }

    /// Attributes, table and indices of the cases, with the number below which indices are.
    pub(super) fn examples() -> Vec<(Gather, Shape, Shape, usize)> {
        let by = |rows: &[usize], first_column| Gather { rows: rows.to_vec(), first_column };
        vec![
            (by(&[], 0), Shape::fixed(&[1, 1]), Shape::batched(&[]), 1),
            (by(&[], 0), Shape::fixed(&[5, 3]), Shape::batched(&[4]), 5),
            (by(&[], 0), Shape::fixed(&[3, 17]), Shape::batched(&[2, 9]), 3),
            (by(&[], 0), Shape::fixed(&[40, 8]), Shape::fixed(&[6]), 40),
            (by(&[2, 5], 0), Shape::fixed(&[7, 4]), Shape::batched(&[2]), 2),
            (by(&[3, 4, 3], 1), Shape::fixed(&[10, 9]), Shape::batched(&[5]), 3),
            (by(&[4], 2), Shape::fixed(&[4, 1]), Shape::batched(&[2, 3]), 4),
        ]
    }
}

/// Rows and columns of a table, whose rows may not depend on the batch size.
fn table(shape: &Shape) -> Result<(usize, Dim), ShapeError> {
    match shape.0[..] {
        [Dim::Fixed(rows), width] => Ok((rows, width)),
        _ => Err(ShapeError::new(format!("expects a table [V, D], got {shape}"))),
    }
}

impl Operator for Gather {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let &[values, indices] = inputs else {
            return Err(ShapeError::new(format!("expects a table and indices, got {} inputs", inputs.len())));
        };
        let [values] = expect_floats(&[values])?;
        let (rows, width) = table(&values)?;
        let mut shape = self.places(indices, rows)?;
        shape.0.push(width);
        Ok(TensorType::f32(shape))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let table_rows = graph.shape(at.inputs[0])[0].at(0);
        let dtable = graph.gather_grad(at.inputs[1], at.gradient, table_rows, self.clone())?;
        Ok(vec![InputGradient::Rule(dtable), InputGradient::Stops { why: "indices are integers" }])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (table, indices) = (inputs[0], inputs[1]);
        let (rows, width) = (table.shape[0], table.shape[1]);
        let row = |row: Option<usize>| match row {
            Some(row) => table.data[row * width..(row + 1) * width].to_vec(),
            None => vec![f64::NAN; width],
        };
        let data = self.addressed(indices, rows).into_iter().flat_map(row).collect();
        Tensor::new(context.output.shape.at(context.batch), data)
    }

    fn cases() -> Vec<Case> {
        let case = |(op, table, indices, below): (Gather, _, _, _)| {
            Case::new(op, [(table, Fill::Normal), (indices, Fill::Labels(below))])
        };
        Gather::examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The rows of `table` that `indices` address.
    ///
    /// # Errors
    /// If the table has not two axes, the indices are floats, or `gather` does not fit both.
    pub fn gather(&mut self, table: NodeId, indices: NodeId, gather: Gather) -> Result<NodeId, GraphError> {
        self.push(gather, &[table, indices])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_does_not_fit() {
        let mut graph = Graph::new();
        let table = graph.input("table", TensorType::f32(Shape::fixed(&[5, 3]))).unwrap();
        let indices = graph.input("indices", TensorType::i32(Shape::batched(&[2]))).unwrap();
        let wrong = graph.gather(table, table, Gather::default()).unwrap_err().to_string();
        assert!(wrong.contains("expects integer indices, got f32[5, 3]"), "{wrong}");
        for (rows, first_column) in [(vec![2, 2], 0), (vec![2, 3], 1), (vec![usize::MAX, 6], 0)] {
            let wrong = graph.gather(table, indices, Gather { rows, first_column }).unwrap_err().to_string();
            assert!(wrong.contains("a table of 5 rows, split ["), "{wrong}");
        }
    }

    #[test]
    fn columns_address_tables_of_their_own_and_indices_outside_give_nan() {
        let gather = Gather { rows: vec![2, 3], first_column: 1 };
        let indices = Tensor::new(vec![2, 3], vec![9.0, 1.0, 2.0, 9.0, 2.0, -1.0]);
        assert_eq!(gather.addressed(&indices, 5), [Some(1), Some(4), None, None]);
    }
}
