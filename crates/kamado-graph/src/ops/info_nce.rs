//! InfoNCE: every query has to find its own key among those of the whole batch.
//!
//! `y[i] = -ln softmax_j(a[i, ·] · b[j, ·])` at `j = i`, with the inner product over units.
//!
//! Shapes: queries `a [B, D]` and keys `b [B, D]` → `y [B]`. The `B × B` scores exist only while the operator runs.
//! Gradient: with `g[i, j] = (softmax_j(a[i] · b[j]) - [i = j]) · dy[i]`, `da = g · b` and `db = gᵀ · a`, by `info_nce_grad`.
//!
//! Source: van den Oord et al., "Representation learning with contrastive predictive coding", 2018.

use serde::{Deserialize, Serialize};

use super::rows::log_softmax_row;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The cross-entropy of finding one's own key in the batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InfoNce;

/// The shape of queries and keys.
pub(super) fn queries_and_keys(inputs: &[&TensorType]) -> Result<Shape, ShapeError> {
    let [a, b] = expect_floats(inputs)?;
    match a == b && a.rank() == 2 {
        true => Ok(a),
        false => Err(ShapeError::new(format!("queries {a} and keys {b} must both be [B, units]"))),
    }
}

/// `ln softmax_j(a[i] · b[j])`, `[B, B]`.
pub(super) fn log_shares(a: &Tensor, b: &Tensor) -> Vec<Vec<f64>> {
    let units = a.shape[1].max(1);
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let row = |x: &[f64]| log_softmax_row(&b.data.chunks(units).map(|y| dot(x, y)).collect::<Vec<_>>());
    a.data.chunks(units).map(row).collect()
}

/// Numbers of units and batch sizes, around the widths of vectors.
pub(super) const SIZES: [(usize, usize); 5] = [(3, 4), (1, 1), (8, 2), (5, 9), (17, 17)];

impl Operator for InfoNce {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        Ok(TensorType::f32(Shape(queries_and_keys(inputs)?[..1].to_vec())))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let inputs = [at.inputs[0], at.inputs[1], at.gradient];
        let mut side = |keys| Ok(InputGradient::Rule(graph.push(super::InfoNceGrad { keys }, &inputs)?));
        Ok(vec![side(false)?, side(true)?])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let logs = log_shares(inputs[0], inputs[1]);
        Tensor::new(vec![logs.len()], logs.iter().enumerate().map(|(i, row)| -row[i]).collect())
    }

    fn cases() -> Vec<Case> {
        let case = |(units, batch)| {
            let shape = Shape::batched(&[units]);
            Case::new(InfoNce, [(shape.clone(), Fill::Normal), (shape, Fill::Normal)]).batch(batch)
        };
        SIZES.map(case).into()
    }
}

impl Graph {
    /// For each query of `a`, `[B, units]`, the cross-entropy of finding its own key among all keys of `b`, `[B, units]`.
    ///
    /// # Errors
    /// If the shapes differ or have other than two axes.
    pub fn info_nce(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, GraphError> {
        self.push(InfoNce, &[a, b])
    }
}
