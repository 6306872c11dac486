//! Connectionist temporal classification: the loss of a sequence whose alignment is not known.
//!
//! `y[b] = -ln Σ_π ∏_t softmax(logits[b, t, ·])[π_t]` over all paths `π` that are the labels of `b` once repetitions and then
//! blanks are taken out. Negative labels are padding. Time steps at which an optional mask is 0 are left out. Labels that
//! need more steps than there are give infinity, or 0 with `zero_infinity`.
//!
//! Shapes: `logits [B, T, C]`, integer `labels [B, L]`, optionally `mask [B, T]` → `y [B]`. Gradient: `dlogits` by `ctc_grad`;
//! none for labels and mask. The sums run over logarithms.
//!
//! Source: Graves et al., "Connectionist temporal classification", 2006.

use serde::{Deserialize, Serialize};

use super::rows::log_softmax_row;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{DType, Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// The loss of sequences whose alignment is not known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ctc {
    /// The class that stands for no label.
    pub blank: usize,
    /// Whether impossible labels give 0 rather than infinity.
    pub zero_infinity: bool,
}

/// The shapes of logits and losses, if the inputs fit together.
pub(super) fn ctc_shapes(blank: usize, inputs: &[&TensorType]) -> Result<(Shape, Shape), ShapeError> {
    let [logits, labels, mask @ ..] = inputs else {
        return Err(ShapeError::new(format!("expects logits and labels, got {} inputs", inputs.len())));
    };
    let [logits] = expect_floats(&[logits])?;
    let [batch, steps, Dim::Fixed(classes)] = logits[..] else {
        return Err(ShapeError::new(format!("expects logits [B, T, C], got {logits}")));
    };
    if blank >= classes {
        return Err(ShapeError::new(format!("the blank {blank} is none of {classes} classes")));
    }
    if labels.dtype != DType::I32 || labels.shape.rank() != 2 || labels.shape[0] != batch {
        return Err(ShapeError::new(format!("logits {logits} need integer labels i32[{batch}, L], got {labels}")));
    }
    let steps = TensorType::f32(Shape(vec![batch, steps]));
    match mask {
        [] => {}
        [mask] if **mask == steps => {}
        _ => return Err(ShapeError::new(format!("logits {logits} need one mask {steps}, got {}", mask.len()))),
    }
    Ok((logits, Shape(vec![batch])))
}

/// An example as the recursion sees it.
pub(super) struct Alignment {
    /// The places of the time steps that are not left out.
    pub(super) steps: Vec<usize>,
    /// The logarithms of the probabilities of all classes at each of them.
    pub(super) logs: Vec<Vec<f64>>,
    /// The labels with a blank before, after and between them.
    pub(super) states: Vec<usize>,
}

impl Alignment {
    /// Example `b`; `None` if a label is no class.
    pub(super) fn new(inputs: &[&Tensor], mask: Option<&Tensor>, b: usize, blank: usize) -> Option<Self> {
        let (logits, labels) = (inputs[0], inputs[1]);
        let (steps, classes, length) = (logits.shape[1], logits.shape[2], labels.shape[1]);
        let real = |&t: &usize| mask.is_none_or(|mask| mask.data[b * steps + t] != 0.0);
        let steps: Vec<usize> = (0..steps).filter(real).collect();
        let row = |&t: &usize| &logits.data[(b * logits.shape[1] + t) * classes..][..classes];
        let mut states = vec![blank];
        for &label in labels.data[b * length..(b + 1) * length].iter().filter(|&&label| label >= 0.0) {
            let label = label as usize;
            if label >= classes || label == blank {
                return None;
            }
            states.extend([label, blank]);
        }
        Some(Alignment { logs: steps.iter().map(|t| log_softmax_row(row(t))).collect(), steps, states })
    }

    /// Whether state `s` may follow state `s - 2`: a blank may be skipped between different labels.
    fn skips(&self, s: usize) -> bool {
        s >= 2 && self.states[s] != self.states[s - 2]
    }

    /// `ln` of the probability of all paths that are in state `s` at step `t`, up to that step and with it.
    pub(super) fn forward(&self) -> Vec<Vec<f64>> {
        let mut before: Vec<f64> =
            (0..self.states.len()).map(|s| if s == 0 { 0.0 } else { f64::NEG_INFINITY }).collect();
        let mut rows = Vec::with_capacity(self.logs.len());
        for (t, logs) in self.logs.iter().enumerate() {
            let reach = |s: usize| {
                let step = if s > 0 { before[s - 1] } else { f64::NEG_INFINITY };
                // Only the first blank and the first label can be first.
                let skip = if self.skips(s) && t > 0 { before[s - 2] } else { f64::NEG_INFINITY };
                log_sum(&[before[s], step, skip]) + logs[self.states[s]]
            };
            before = (0..self.states.len()).map(reach).collect();
            rows.push(before.clone());
        }
        rows
    }

    /// `ln` of the probability of all paths from state `s` at step `t` to the end, without that step.
    pub(super) fn backward(&self) -> Vec<Vec<f64>> {
        let last = self.states.len() - 1;
        let end = |s: usize| if s + 1 >= last { 0.0 } else { f64::NEG_INFINITY };
        let mut after: Vec<f64> = (0..=last).map(end).collect();
        let mut rows = vec![after.clone()];
        for logs in self.logs.iter().skip(1).rev() {
            let value = |s: usize| after[s] + logs[self.states[s]];
            let reach = |s: usize| {
                let step = if s < last { value(s + 1) } else { f64::NEG_INFINITY };
                let skip = if s + 2 <= last && self.skips(s + 2) { value(s + 2) } else { f64::NEG_INFINITY };
                log_sum(&[value(s), step, skip])
            };
            after = (0..=last).map(reach).collect();
            rows.push(after.clone());
        }
        rows.reverse();
        rows
    }

    /// `ln` of the probability of the labels.
    pub(super) fn log_likelihood(&self, forward: &[Vec<f64>]) -> f64 {
        match forward.last() {
            Some(row) => log_sum(&row[row.len().saturating_sub(2)..]),
            // No step is left: only nothing can be read from it.
            None => {
                if self.states.len() == 1 {
                    0.0
                } else {
                    f64::NEG_INFINITY
                }
            }
        }
    }
}

fn log_sum(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + terms.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// `(blank, zero_infinity, batch, inputs)`.
pub(super) type Example = (usize, bool, usize, Vec<(Shape, Fill)>);

/// Repeated labels, padding, impossible labels, masks, and numbers of states around the widths of vectors.
pub(super) fn examples() -> Vec<Example> {
    let logits = |steps, classes| (Shape::batched(&[steps, classes]), Fill::Normal);
    let labels = |length: usize, values: &[i32]| (Shape::batched(&[length]), Fill::Integers(values.to_vec()));
    let mask = |steps: usize, values: &[f64]| (Shape::batched(&[steps]), Fill::Values(values.to_vec()));
    let long: Vec<i32> = (0..18).map(|i| 1 + i % 4).collect();
    vec![
        (0, false, 1, vec![logits(4, 3), labels(2, &[1, 2])]),
        (2, false, 2, vec![logits(6, 3), labels(3, &[1, 1, -1, 0, -1, 1])]),
        (0, true, 2, vec![logits(3, 4), labels(2, &[3, 3, 2, 2])]),
        (0, true, 2, vec![logits(2, 3), labels(2, &[1, 1, -1, -1])]),
        (1, false, 1, vec![logits(1, 2), labels(1, &[0])]),
        (0, false, 2, vec![logits(12, 5), labels(9, &long)]),
        (
            0,
            false,
            2,
            vec![logits(5, 4), labels(2, &[1, 3, 2, -1]), mask(5, &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0])],
        ),
        (0, true, 1, vec![logits(2, 3), labels(1, &[1]), mask(2, &[0.0, 0.0])]),
    ]
}

impl Operator for Ctc {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        Ok(TensorType::f32(ctc_shapes(self.blank, inputs)?.1))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let op = super::CtcGrad { blank: self.blank, zero_infinity: self.zero_infinity };
        let mut inputs = vec![at.inputs[0], at.inputs[1], at.gradient];
        inputs.extend(at.inputs.get(2));
        let mut answers =
            vec![InputGradient::Rule(graph.push(op, &inputs)?), InputGradient::Stops { why: "labels are integers" }];
        answers.extend(at.inputs.get(2).map(|_| InputGradient::Stops { why: "a mask chooses steps" }));
        Ok(answers)
    }

    fn reference(&self, inputs: &[&Tensor], context: &Context<'_>) -> Tensor {
        let loss = |b| {
            let Some(alignment) = Alignment::new(inputs, inputs.get(2).copied(), b, self.blank) else {
                return f64::NAN;
            };
            let loss = -alignment.log_likelihood(&alignment.forward());
            if loss == f64::INFINITY && self.zero_infinity { 0.0 } else { loss }
        };
        let shape = context.output.shape.at(context.batch);
        let examples = inputs[0].shape[0];
        Tensor::new(shape, (0..examples).map(loss).collect())
    }

    fn cases() -> Vec<Case> {
        let case = |(blank, zero_infinity, batch, inputs): Example| {
            Case::new(Ctc { blank, zero_infinity }, inputs).batch(batch)
        };
        examples().into_iter().map(case).collect()
    }
}

impl Graph {
    /// The loss of each example, `[B]`, for logits `[B, T, C]`, integer labels `[B, L]`, negative where they are padding, and
    /// optionally a mask `[B, T]` of the real time steps.
    ///
    /// # Errors
    /// If the shapes do not fit together or the blank is no class.
    pub fn ctc(
        &mut self,
        logits: NodeId,
        labels: NodeId,
        mask: Option<NodeId>,
        blank: usize,
        zero_infinity: bool,
    ) -> Result<NodeId, GraphError> {
        let mut inputs = vec![logits, labels];
        inputs.extend(mask);
        self.push(Ctc { blank, zero_infinity }, &inputs)
    }
}
