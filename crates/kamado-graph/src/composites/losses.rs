//! Losses, one number for each example: as in Keras, the mean (or sum) over the last axis. The mean over the batch is left
//! to the caller.

use crate::error::GraphError;
use crate::graph::{Graph, NodeId};
use crate::shape::Shape;

impl Graph {
    /// `mean (prediction - target)²` over the last axis.
    ///
    /// # Errors
    /// If the shapes differ or have no axes.
    pub fn mean_squared_error(&mut self, prediction: NodeId, target: NodeId) -> Result<NodeId, GraphError> {
        let (error, last) = self.prediction_error("mean_squared_error", prediction, target)?;
        let square = self.square(error)?;
        self.mean(square, &[last], false)
    }

    /// `mean |prediction - target|` over the last axis.
    ///
    /// # Errors
    /// If the shapes differ or have no axes.
    pub fn mean_absolute_error(&mut self, prediction: NodeId, target: NodeId) -> Result<NodeId, GraphError> {
        let (error, last) = self.prediction_error("mean_absolute_error", prediction, target)?;
        let distance = self.abs(error)?;
        self.mean(distance, &[last], false)
    }

    /// The mean over the last axis of `e² / 2` where `|e| ≤ delta`, and of `delta · (|e| - delta / 2)` elsewhere, with
    /// `e = prediction - target`.
    ///
    /// Source: Huber, "Robust estimation of a location parameter", 1964.
    ///
    /// # Errors
    /// If the shapes differ or have no axes, or `delta` is not positive.
    pub fn huber(&mut self, prediction: NodeId, target: NodeId, delta: f64) -> Result<NodeId, GraphError> {
        if !(delta > 0.0 && delta.is_finite()) {
            return Err(self.refuse("huber", format!("delta must be positive and finite, got {delta}")));
        }
        let (error, last) = self.prediction_error("huber", prediction, target)?;
        let distance = self.abs(error)?;
        let delta = self.constant(delta, Shape::scalar())?;
        // With a = min(|e|, delta), both branches are a · (|e| - a / 2).
        let capped = self.minimum(distance, delta)?;
        let half = self.scale(capped, 0.5)?;
        let rest = self.sub(distance, half)?;
        let loss = self.mul(capped, rest)?;
        self.mean(loss, &[last], false)
    }

    /// `-Σ target · ln softmax(logits)` over the last axis, for targets that are probabilities, such as one-hot labels.
    ///
    /// # Errors
    /// If the shapes differ or have no axes.
    pub fn categorical_cross_entropy_from_logits(
        &mut self,
        logits: NodeId,
        target: NodeId,
    ) -> Result<NodeId, GraphError> {
        let last = self.last_of_equal("categorical_cross_entropy", logits, target)?;
        let log = self.log_softmax(logits)?;
        let product = self.mul(target, log)?;
        let sum = self.sum(product, &[last], false)?;
        self.neg(sum)
    }

    /// `prediction - target`, and its last axis.
    fn prediction_error(
        &mut self,
        op: &'static str,
        prediction: NodeId,
        target: NodeId,
    ) -> Result<(NodeId, usize), GraphError> {
        let last = self.last_of_equal(op, prediction, target)?;
        Ok((self.sub(prediction, target)?, last))
    }

    /// The last axis of two nodes of one shape: broadcasting here would hide a mistake, such as `[B]` against `[B, 1]`.
    fn last_of_equal(&self, op: &'static str, prediction: NodeId, target: NodeId) -> Result<usize, GraphError> {
        let (a, b) = (self.shape(prediction), self.shape(target));
        match a.rank().checked_sub(1) {
            Some(last) if a == b => Ok(last),
            Some(_) => Err(self.refuse(op, format!("prediction {a} and target {b} must have the same shape"))),
            None => Err(self.refuse(op, "expects at least one axis, got scalars".to_owned())),
        }
    }
}
