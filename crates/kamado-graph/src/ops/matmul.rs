//! Matrix product.
//!
//! `y = a' · b'`, where `'` transposes the last two axes if asked.
//!
//! Shapes: `a […, M, K] · b [K, N] → [M…, N]` applies one matrix to every row of `a`; `a [L…, M, K] · b [L…, K, N] →
//! [L…, M, N]` multiplies matrix by matrix. With a transposition the last two extents are exchanged.
//! Gradient: `da = dy · b'ᵀ`, `db = a'ᵀ · dy`, each transposed again where its operand was.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// `y = a' · b'`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MatMul {
    /// Whether the last two axes of `a` are exchanged.
    pub transpose_a: bool,
    /// Whether the last two axes of `b` are exchanged.
    pub transpose_b: bool,
}

fn matrix(shape: &Shape, transposed: bool) -> (Dim, Dim) {
    let (rows, columns) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
    if transposed { (columns, rows) } else { (rows, columns) }
}

impl Operator for MatMul {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [a, b] = expect_floats(inputs)?;
        if a.rank() < 2 || b.rank() < 2 {
            return Err(ShapeError::new(format!("expects matrices, got {a} and {b}")));
        }
        let ((m, k), (k_b, n)) = (matrix(&a, self.transpose_a), matrix(&b, self.transpose_b));
        if k != k_b {
            let marks = [self.transpose_a, self.transpose_b].map(|t| if t { " transposed" } else { "" });
            return Err(ShapeError::new(format!(
                "the inner extents of {a}{} and {b}{} differ: {k} and {k_b}",
                marks[0], marks[1]
            )));
        }
        let lead = &a[..a.rank() - 2];
        let shared = b.rank() == 2 && (a.rank() == 2 || !self.transpose_a);
        if !shared && (a.rank() != b.rank() || lead != &b[..b.rank() - 2]) {
            return Err(ShapeError::new(format!(
                "the leading extents of {a} and {b} differ; they must be equal, or the second a plain matrix"
            )));
        }
        Ok(TensorType::f32(Shape(lead.iter().copied().chain([m, n]).collect())))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (a, b, dy) = (at.inputs[0], at.inputs[1], at.gradient);
        let (ta, tb) = (self.transpose_a, self.transpose_b);
        let da = if ta { graph.matmul(b, dy, tb, true)? } else { graph.matmul(dy, b, false, !tb)? };
        let (rows, dy) = if graph.shape(a).rank() > graph.shape(b).rank() {
            (graph.as_matrix(a)?, graph.as_matrix(dy)?)
        } else {
            (a, dy)
        };
        let db = if tb { graph.matmul(dy, rows, true, ta)? } else { graph.matmul(rows, dy, !ta, false)? };
        Ok(vec![InputGradient::Rule(da), InputGradient::Rule(db)])
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let (a, b) = (inputs[0], inputs[1]);
        let rank = a.shape.len();
        let k = a.shape[if self.transpose_a { rank - 2 } else { rank - 1 }];
        let swap = |index: &mut Vec<usize>, yes: bool| {
            let n = index.len();
            if yes {
                index.swap(n - 2, n - 1);
            }
        };
        Tensor::from_fn(context.output.shape.at(context.batch), |index| {
            let term = |i: usize| {
                let (mut ia, mut ib) = (index.to_vec(), index[rank - b.shape.len()..].to_vec());
                ia[rank - 1] = i;
                let row = ib.len() - 2;
                ib[row] = i;
                swap(&mut ia, self.transpose_a);
                swap(&mut ib, self.transpose_b);
                a.at(&ia) * b.at(&ib)
            };
            (0..k).map(term).sum()
        })
    }

    fn cases() -> Vec<Case> {
        let normal = |a, b| [(a, Fill::Normal), (b, Fill::Normal)];
        let mut cases = Vec::new();
        for (transpose_a, transpose_b) in [(false, false), (false, true), (true, false), (true, true)] {
            for (m, k, n) in [(1, 1, 1), (5, 7, 9), (6, 16, 16), (7, 17, 33), (13, 64, 10), (3, 0, 2)] {
                let pair = |r, c, t: bool| Shape::fixed(&if t { [c, r] } else { [r, c] });
                let op = MatMul { transpose_a, transpose_b };
                cases.push(Case::new(op, normal(pair(m, k, transpose_a), pair(k, n, transpose_b))));
            }
            let (a, b) = if transpose_a { ([4, 5], [4, 3]) } else { ([5, 4], [4, 3]) };
            let b = if transpose_b { [3, 4] } else { b };
            cases.push(Case::new(MatMul { transpose_a, transpose_b }, normal(Shape::batched(&a), Shape::batched(&b))));
        }
        let op = |transpose_a, transpose_b| MatMul { transpose_a, transpose_b };
        cases.push(Case::new(op(false, false), normal(Shape::batched(&[20]), Shape::fixed(&[20, 10]))).batch(32));
        cases.push(Case::new(op(true, false), normal(Shape::batched(&[20]), Shape::batched(&[10]))).batch(32));
        cases.push(Case::new(op(false, false), normal(Shape::batched(&[4, 6]), Shape::fixed(&[6, 5]))));
        cases.push(Case::new(op(false, true), normal(Shape::batched(&[4, 6]), Shape::fixed(&[5, 6]))));
        cases
    }
}

impl Graph {
    /// `a · b`, each with its last two axes exchanged if asked.
    ///
    /// # Errors
    /// If the shapes do not fit; see the module of the operator.
    pub fn matmul(&mut self, a: NodeId, b: NodeId, transpose_a: bool, transpose_b: bool) -> Result<NodeId, GraphError> {
        self.push(MatMul { transpose_a, transpose_b }, &[a, b])
    }

    /// All leading axes merged, so that the result has two.
    fn as_matrix(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let shape = self.shape(x).clone();
        let columns = shape[shape.rank() - 1];
        let rows = Shape(shape[..shape.rank() - 1].to_vec()).elements();
        let rows = rows.ok_or_else(|| GraphError::Malformed {
            place: x.to_string(),
            why: format!("the leading axes of {shape} cannot be merged"),
        })?;
        self.reshape(x, Shape(vec![rows, columns]))
    }
}
