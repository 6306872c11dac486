//! The gradient of connectionist temporal classification with respect to the logits.
//!
//! `y[b, t, c] = (softmax(logits[b, t, ·])[c] - γ[b, t, c]) · dy[b]`, with `γ` the probability, given the labels, that the path is at
//! class `c` at step `t`; 0 at steps that are left out. For labels that need more steps than there are: NaN, or 0 with
//! `zero_infinity`.
//!
//! Shapes: `logits [B, T, C]`, integer `labels [B, L]`, `dy [B]`, optionally `mask [B, T]` → `y [B, T, C]`. Gradient: none;
//! no training asks for the second derivative.

use serde::{Deserialize, Serialize};

use super::ctc::{Alignment, Example, ctc_shapes, examples};
use super::window::expect_gradient;
use crate::error::{GraphError, ShapeError};
use crate::graph::Graph;
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// The gradient of [`super::Ctc`] with respect to the logits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CtcGrad {
    /// As [`super::Ctc::blank`].
    pub blank: usize,
    /// As [`super::Ctc::zero_infinity`].
    pub zero_infinity: bool,
}

impl CtcGrad {
    /// The gradient of one example, `[T, C]`, for an upstream gradient of 1.
    fn example(&self, inputs: &[&Tensor], b: usize) -> Vec<f64> {
        let (steps, classes) = (inputs[0].shape[1], inputs[0].shape[2]);
        let Some(alignment) = Alignment::new(inputs, inputs.get(3).copied(), b, self.blank) else {
            return vec![f64::NAN; steps * classes];
        };
        let (forward, backward) = (alignment.forward(), alignment.backward());
        let total = alignment.log_likelihood(&forward);
        let mut gradient = vec![0.0; steps * classes];
        for (i, &t) in alignment.steps.iter().enumerate() {
            let row = &mut gradient[t * classes..(t + 1) * classes];
            if total == f64::NEG_INFINITY {
                row.fill(if self.zero_infinity { 0.0 } else { f64::NAN });
                continue;
            }
            row.iter_mut().zip(&alignment.logs[i]).for_each(|(y, log)| *y = log.exp());
            for (s, &class) in alignment.states.iter().enumerate() {
                row[class] -= (forward[i][s] + backward[i][s] - total).exp();
            }
        }
        gradient
    }
}

impl Operator for CtcGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let &[logits, labels, dy, ref mask @ ..] = inputs else {
            return Err(ShapeError::new(format!("expects logits, labels and a gradient, got {}", inputs.len())));
        };
        let checked: Vec<&TensorType> = [logits, labels].into_iter().chain(mask.iter().copied()).collect();
        let (logits, examples) = ctc_shapes(self.blank, &checked)?;
        let [dy] = expect_floats(&[dy])?;
        expect_gradient(&dy, &examples)?;
        Ok(TensorType::f32(logits))
    }

    fn gradient(&self, _: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let stops = InputGradient::Stops { why: "the second derivative of this loss is not implemented" };
        Ok(vec![stops; at.inputs.len()])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let gradient = |b: usize| self.example(inputs, b).into_iter().map(move |g| g * inputs[2].data[b]);
        Tensor::new(inputs[0].shape.clone(), (0..inputs[0].shape[0]).flat_map(gradient).collect())
    }

    fn cases() -> Vec<Case> {
        let case = |(blank, zero_infinity, batch, mut inputs): Example| {
            inputs.insert(2, (Shape::batched(&[]), Fill::Normal));
            Case::new(CtcGrad { blank, zero_infinity }, inputs).batch(batch)
        };
        examples().into_iter().map(case).collect()
    }
}
