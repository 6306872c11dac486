//! Cross-entropy of the softmax of logits with integer labels.
//!
//! `y[…] = -ln softmax(logits[…, ·])[label[…]]`; 0 where the label is the ignored one. Another label outside `0..C` gives
//! NaN.
//!
//! Shapes: `logits […, C]`, integer `labels […]` → `y […]`. Gradient: `dlogits` by `softmax_cross_entropy_grad`; none
//! for labels. The largest logit of a row is subtracted first, so large logits do not overflow.

use serde::{Deserialize, Serialize};

use super::rows::{log_softmax_row, split_last};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{DType, Shape, TensorType};
use crate::tensor::Tensor;

/// Cross-entropy of the softmax of logits with integer labels.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SoftmaxCrossEntropy {
    /// The label of rows that have no loss; it need not be a class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<i32>,
}

/// The shapes of logits and labels, if they fit together.
pub(super) fn logits_and_labels(inputs: &[&TensorType]) -> Result<(Shape, Shape), ShapeError> {
    let &[logits, labels] = inputs else {
        return Err(ShapeError::new(format!("expects logits and labels, got {} inputs", inputs.len())));
    };
    let [logits] = expect_floats(&[logits])?;
    let (examples, _) = split_last(&logits)?;
    if labels.dtype != DType::I32 || labels.shape != examples {
        return Err(ShapeError::new(format!(
            "logits {logits} need one integer label for each row, so labels i32{examples}; got {labels}"
        )));
    }
    Ok((logits, examples))
}

/// Whether the label is the ignored one.
pub(super) fn is_ignored(label: f64, ignored: Option<i32>) -> bool {
    ignored.is_some_and(|ignored| label == f64::from(ignored))
}

/// The class that a label names, if it exists.
pub(super) fn class(label: f64, classes: usize) -> Option<usize> {
    (label >= 0.0 && label < classes as f64).then_some(label as usize)
}

/// The shapes of logits and labels, the number of classes and a batch size.
pub(super) type Example = (Shape, Shape, usize, usize);

/// Every example without an ignored label, and those of several classes with one.
pub(super) fn cases_of(examples: &[Example]) -> impl Iterator<Item = (Option<i32>, Example)> + '_ {
    let with = examples.iter().filter(|(_, _, classes, _)| (2..=10).contains(classes)).map(|e| (Some(1), e.clone()));
    examples.iter().map(|e| (None, e.clone())).chain(with)
}

/// Numbers of classes around the widths of vectors, and several leading axes.
pub(super) fn examples() -> Vec<Example> {
    let mut examples: Vec<_> = [1, 2, 7, 8, 9, 10, 16, 17, 33]
        .map(|classes| (Shape::batched(&[classes]), Shape::batched(&[]), classes, 5))
        .into();
    examples.push((Shape::batched(&[4, 3]), Shape::batched(&[4]), 3, 2));
    examples.push((Shape::fixed(&[6]), Shape::scalar(), 6, 1));
    examples.push((Shape::batched(&[10]), Shape::batched(&[]), 10, 1));
    examples
}

impl Operator for SoftmaxCrossEntropy {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let (_, examples) = logits_and_labels(inputs)?;
        Ok(TensorType::f32(examples))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let dlogits = graph.softmax_cross_entropy_grad(at.inputs[0], at.inputs[1], at.gradient, self.ignored)?;
        Ok(vec![InputGradient::Rule(dlogits), InputGradient::Stops { why: "labels are integers" }])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let (logits, labels) = (inputs[0], inputs[1]);
        let classes = logits.shape[logits.shape.len() - 1];
        let loss = |(i, &label): (usize, &f64)| {
            if is_ignored(label, self.ignored) {
                return 0.0;
            }
            let row = &logits.data[i * classes..(i + 1) * classes];
            class(label, classes).map_or(f64::NAN, |class| -log_softmax_row(row)[class])
        };
        Tensor::new(labels.shape.clone(), labels.data.iter().enumerate().map(loss).collect())
    }

    fn cases() -> Vec<Case> {
        let case = |(ignored, (logits, labels, classes, batch)): (Option<i32>, Example)| {
            let op = SoftmaxCrossEntropy { ignored };
            Case::new(op, [(logits, Fill::Normal), (labels, Fill::Labels(classes))]).batch(batch)
        };
        cases_of(&examples()).map(case).collect()
    }
}

impl Graph {
    /// The cross-entropy of the softmax of `logits` with integer `labels`, one number for each row.
    ///
    /// # Errors
    /// If there is not one integer label for each row of logits.
    pub fn softmax_cross_entropy(&mut self, logits: NodeId, labels: NodeId) -> Result<NodeId, GraphError> {
        self.softmax_cross_entropy_ignoring(logits, labels, None)
    }

    /// The same, but 0 where the label is `ignored`.
    ///
    /// # Errors
    /// As there.
    pub fn softmax_cross_entropy_ignoring(
        &mut self,
        logits: NodeId,
        labels: NodeId,
        ignored: Option<i32>,
    ) -> Result<NodeId, GraphError> {
        self.push(SoftmaxCrossEntropy { ignored }, &[logits, labels])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_both_shapes() {
        let mut graph = Graph::new();
        let logits = graph.input("logits", TensorType::f32(Shape::batched(&[10]))).unwrap();
        let floats = graph.input("floats", TensorType::f32(Shape::batched(&[]))).unwrap();
        let columns = graph.input("columns", TensorType::i32(Shape::batched(&[1]))).unwrap();
        for (labels, text) in [(floats, "f32[B]"), (columns, "i32[B, 1]")] {
            let wrong = graph.softmax_cross_entropy(logits, labels).unwrap_err().to_string();
            assert!(wrong.contains("logits [B, 10]") && wrong.contains("labels i32[B]; got "), "{wrong}");
            assert!(wrong.ends_with(text), "{wrong}");
        }
    }
}
