//! What the operators on the last axis share.

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{Case, Fill, Op};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The axes before the last, and the last.
pub(super) fn split_last(x: &Shape) -> Result<(Shape, Dim), ShapeError> {
    let (&last, lead) =
        x.split_last().ok_or_else(|| ShapeError::new("expects at least one axis, got a scalar".to_owned()))?;
    Ok((Shape(lead.to_vec()), last))
}

/// Applies a function to every row along the last axis.
pub(super) fn map_rows(x: &Tensor, row: impl Fn(&[f64]) -> Vec<f64>) -> Tensor {
    let width = x.shape.last().copied().unwrap_or(1).max(1);
    Tensor::new(x.shape.clone(), x.data.chunks(width).flat_map(row).collect())
}

/// `ln softmax` of a row; subtracting the largest first keeps every exponential within range.
pub(super) fn log_softmax_row(row: &[f64]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = row.iter().map(|x| (x - largest).exp()).sum::<f64>().ln() + largest;
    row.iter().map(|x| x - log_sum).collect()
}

/// Rows of every awkward width, and several leading axes.
pub(super) fn row_cases(op: impl Into<Op>) -> Vec<Case> {
    let op = op.into();
    let mut cases: Vec<_> =
        [1, 2, 7, 8, 9, 10, 16, 17, 33].map(|n| Case::new(op.clone(), [(Shape::batched(&[n]), Fill::Normal)])).into();
    cases.push(Case::new(op.clone(), [(Shape::fixed(&[7]), Fill::Normal)]));
    cases.push(Case::new(op, [(Shape::batched(&[3, 5]), Fill::Normal)]));
    cases
}

impl Graph {
    /// `y · (dy - Σ dy · y)` along the last axis: the gradient through a softmax with the result `y`.
    pub(super) fn through_softmax(&mut self, y: NodeId, dy: NodeId) -> Result<NodeId, GraphError> {
        let product = self.mul(dy, y)?;
        let mean = self.sum(product, &[self.shape(y).rank() - 1], true)?;
        let centred = self.sub(dy, mean)?;
        self.mul(y, centred)
    }
}
