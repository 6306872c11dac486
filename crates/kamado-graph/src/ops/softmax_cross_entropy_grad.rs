//! The gradient of the softmax cross-entropy with respect to the logits.
//!
//! `y[…, i] = (softmax(logits[…, ·])[i] - [i = label[…]]) · dy[…]`; 0 where the label is the ignored one.
//! Another label outside `0..C` gives NaN.
//!
//! Shapes: `logits […, C]`, integer `labels […]`, `dy […]` → `y […, C]`. Gradient: `dlogits = s · (u - Σ s · u)` and
//! `ddy = Σ (s - onehot) · g`, with `g` the gradient of `y`, `s` the softmax and `u = g · dy`; none for labels.

use serde::{Deserialize, Serialize};

use super::rows::log_softmax_row;
use super::softmax_cross_entropy::{Example, cases_of, class, examples, is_ignored, logits_and_labels};
use super::window::expect_gradient;
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// The gradient of the softmax cross-entropy with respect to the logits.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SoftmaxCrossEntropyGrad {
    /// The label of rows that have no loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<i32>,
}

impl Operator for SoftmaxCrossEntropyGrad {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let &[logits, labels, dy] = inputs else {
            return Err(ShapeError::new(format!("expects logits, labels and a gradient, got {}", inputs.len())));
        };
        let (logits, examples) = logits_and_labels(&[logits, labels])?;
        let [dy] = expect_floats(&[dy])?;
        expect_gradient(&dy, &examples)?;
        Ok(TensorType::f32(logits))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let (logits, labels, dy) = (at.inputs[0], at.inputs[1], at.inputs[2]);
        let last = graph.shape(logits).rank() - 1;
        let softmax = graph.softmax(logits)?;
        let counted = match self.ignored {
            Some(ignored) => {
                let counts = graph.token_mask(labels, ignored)?;
                graph.mul(dy, counts)?
            }
            None => dy,
        };
        let weights = graph.restore_axes(counted, &[last], false)?;
        let upstream = graph.mul(at.gradient, weights)?;
        let dlogits = graph.through_softmax(softmax, upstream)?;
        let ones = graph.constant(1.0, graph.shape(dy).clone())?;
        let slope = graph.softmax_cross_entropy_grad(logits, labels, ones, self.ignored)?;
        let product = graph.mul(slope, at.gradient)?;
        let ddy = graph.sum(product, &[last], false)?;
        let labels = InputGradient::Stops { why: "labels are integers" };
        Ok(vec![InputGradient::Rule(dlogits), labels, InputGradient::Rule(ddy)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let (logits, labels, dy) = (inputs[0], inputs[1], inputs[2]);
        let classes = logits.shape[logits.shape.len() - 1];
        let row = |i: usize| {
            let mut slope = log_softmax_row(&logits.data[i * classes..(i + 1) * classes]);
            slope.iter_mut().for_each(|x| *x = x.exp());
            match class(labels.data[i], classes) {
                _ if is_ignored(labels.data[i], self.ignored) => slope.fill(0.0),
                Some(class) => slope[class] -= 1.0,
                None => slope.fill(f64::NAN),
            }
            slope.into_iter().map(move |s| s * dy.data[i])
        };
        Tensor::new(logits.shape.clone(), (0..labels.data.len()).flat_map(row).collect())
    }

    fn cases() -> Vec<Case> {
        let case = |(ignored, (logits, labels, classes, batch)): (Option<i32>, Example)| {
            let dy = (labels.clone(), Fill::Normal);
            let inputs = [(logits, Fill::Normal), (labels, Fill::Labels(classes)), dy];
            Case::new(SoftmaxCrossEntropyGrad { ignored }, inputs).batch(batch)
        };
        cases_of(&examples()).map(case).collect()
    }
}

impl Graph {
    /// The gradient of [`Graph::softmax_cross_entropy`] with respect to the logits, from the gradient `dy` of its result.
    ///
    /// # Errors
    /// If there is not one integer label, and one number in `dy`, for each row of logits.
    pub fn softmax_cross_entropy_grad(
        &mut self,
        logits: NodeId,
        labels: NodeId,
        dy: NodeId,
        ignored: Option<i32>,
    ) -> Result<NodeId, GraphError> {
        self.push(SoftmaxCrossEntropyGrad { ignored }, &[logits, labels, dy])
    }
}
