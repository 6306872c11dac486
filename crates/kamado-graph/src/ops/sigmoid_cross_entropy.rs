//! Cross-entropy of the sigmoid of logits with targets between 0 and 1.
//!
//! `y = -t · ln σ(z) - (1 - t) · ln(1 - σ(z)) = max(z, 0) - z·t + ln(1 + e^-|z|)`, elementwise, for logits `z` and targets
//! `t` of one shape. Gradient: `dz = (σ(z) - t) · dy`, `dt = -z · dy`.
//!
//! The second form does not overflow for large logits.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// Cross-entropy of the sigmoid of logits with targets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SigmoidCrossEntropy;

impl Operator for SigmoidCrossEntropy {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [logits, targets] = expect_floats(inputs)?;
        if logits != targets {
            return Err(ShapeError::new(format!("logits {logits} and targets {targets} must have the same shape")));
        }
        Ok(TensorType::f32(logits))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (logits, targets) = (at.inputs[0], at.inputs[1]);
        let sigmoid = graph.sigmoid(logits)?;
        let error = graph.sub(sigmoid, targets)?;
        let dlogits = graph.mul(error, at.gradient)?;
        let product = graph.mul(logits, at.gradient)?;
        let dtargets = graph.neg(product)?;
        Ok(vec![InputGradient::Rule(dlogits), InputGradient::Rule(dtargets)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let loss = |(&z, &t): (&f64, &f64)| z.max(0.0) - z * t + (-z.abs()).exp().ln_1p();
        let data = inputs[0].data.iter().zip(&inputs[1].data).map(loss).collect();
        Tensor::new(inputs[0].shape.clone(), data)
    }

    fn cases() -> Vec<Case> {
        let shapes = [
            Shape::scalar(),
            Shape::fixed(&[0]),
            Shape::batched(&[]),
            Shape::batched(&[1]),
            Shape::batched(&[2, 17]),
            Shape::fixed(&[16]),
            Shape::fixed(&[33]),
        ];
        let case = |s: Shape| Case::new(SigmoidCrossEntropy, [(s.clone(), Fill::Normal), (s, Fill::Positive)]);
        shapes.map(case).into()
    }
}

impl Graph {
    /// The cross-entropy of the sigmoid of `logits` with `targets`, elementwise.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn sigmoid_cross_entropy(&mut self, logits: NodeId, targets: NodeId) -> Result<NodeId, GraphError> {
        self.push(SigmoidCrossEntropy, &[logits, targets])
    }
}
