//! Cross-entropies that hardly count what is already answered right.
//!
//! Source: Lin et al., "Focal loss for dense object detection", 2017.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{Shape, TensorType};
use serde::{Deserialize, Serialize};

use super::crossentropy::{check_smoothing, evenly, smoothed};
use super::logits::logits;
use super::{EPSILON, Each, Expects, Rule, Site, check_range, integer_targets};
use crate::error::NnError;

/// `-alpha · (1 - p[label])^gamma · ln p[label]` for integer labels: output `[B, …, classes]`, labels `[B, …]`. Equal to
/// [`CategoricalFocalCrossentropy`] of one-hot labels.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseCategoricalFocalCrossentropy {
    /// The factor of all classes, at least 0; 0.25 by default.
    pub alpha: f64,
    /// How strongly right answers are left out, at least 0; 2 by default.
    pub gamma: f64,
    /// Whether the output is logits rather than a softmax; false by default.
    pub from_logits: bool,
    /// A label whose places count neither in the loss nor in the mean; none by default.
    pub ignore_class: Option<i32>,
}

/// `-alpha · Σ target · (1 - p)^gamma · ln p`: output and targets `[B, …, classes]`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CategoricalFocalCrossentropy {
    /// The factor of all classes, at least 0; 0.25 by default.
    pub alpha: f64,
    /// How strongly right answers are left out, at least 0; 2 by default.
    pub gamma: f64,
    /// Whether the output is logits rather than a softmax; false by default.
    pub from_logits: bool,
    /// The share of the target that is spread evenly over all classes, in `[0, 1)`; 0 by default.
    pub label_smoothing: f64,
}

/// The mean of `(1 - q)^gamma · (-t·ln p - (1 - t)·ln(1 - p))` over the last axis, with `q = t·p + (1 - t)·(1 - p)`, the
/// probability of the right answer: output and targets of one shape.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BinaryFocalCrossentropy {
    /// Whether positives are weighted with `alpha` and negatives with `1 - alpha`; false by default.
    pub apply_class_balancing: bool,
    /// The weight of positives, in `[0, 1]`; 0.25 by default.
    pub alpha: f64,
    /// How strongly right answers are left out, at least 0; 2 by default.
    pub gamma: f64,
    /// Whether the output is logits rather than a sigmoid; false by default.
    pub from_logits: bool,
    /// How far targets are moved towards 1/2, in `[0, 1)`; 0 by default.
    pub label_smoothing: f64,
}

impl Default for SparseCategoricalFocalCrossentropy {
    fn default() -> Self {
        SparseCategoricalFocalCrossentropy { alpha: 0.25, gamma: 2.0, from_logits: false, ignore_class: None }
    }
}

impl Default for CategoricalFocalCrossentropy {
    fn default() -> Self {
        CategoricalFocalCrossentropy { alpha: 0.25, gamma: 2.0, from_logits: false, label_smoothing: 0.0 }
    }
}

impl Default for BinaryFocalCrossentropy {
    fn default() -> Self {
        BinaryFocalCrossentropy {
            apply_class_balancing: false,
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
        }
    }
}

fn check<R: Rule>(rule: &R, alpha: f64, highest: f64, gamma: f64) -> Result<(), NnError> {
    let expected = if highest.is_finite() { "from 0 to 1" } else { "at least 0" };
    check_range(rule, "alpha", alpha, (0.0..=highest).contains(&alpha), expected)?;
    check_range(rule, "gamma", gamma, gamma >= 0.0, "at least 0")
}

/// `(1 - p)^gamma`; the base is kept away from 0, where the slope of a power below 1 is infinite.
fn left_out(graph: &mut Graph, p: NodeId, gamma: f64) -> Result<NodeId, NnError> {
    let one = graph.constant(1.0, Shape::scalar())?;
    let rest = graph.sub(one, p)?;
    if gamma == 1.0 {
        return Ok(rest);
    }
    if gamma == 2.0 {
        return Ok(graph.square(rest)?);
    }
    let least = graph.constant(EPSILON, Shape::scalar())?;
    let rest = graph.maximum(rest, least)?;
    let log = graph.log(rest)?;
    let power = graph.scale(log, gamma)?;
    Ok(graph.exp(power)?)
}

impl Rule for SparseCategoricalFocalCrossentropy {
    const NAME: &'static str = "sparse_categorical_focal_crossentropy";

    fn targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
        Ok(Some(integer_targets(output)))
    }

    fn expects(&self) -> Expects {
        Expects::Softmax { from_logits: self.from_logits }
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check(self, self.alpha, f64::INFINITY, self.gamma)?;
        let logits = logits(self, at)?;
        let graph = &mut *at.graph;
        let surprise = graph.softmax_cross_entropy_ignoring(logits, at.targets, self.ignore_class)?;
        let certainty = graph.neg(surprise)?;
        let p = graph.exp(certainty)?;
        let factor = left_out(graph, p, self.gamma)?;
        let loss = graph.mul(factor, surprise)?;
        let loss = graph.scale(loss, self.alpha)?;
        let counts = self.ignore_class.map(|class| graph.token_mask(at.targets, class)).transpose()?;
        Ok(Each { loss, counts })
    }
}

impl Rule for CategoricalFocalCrossentropy {
    const NAME: &'static str = "categorical_focal_crossentropy";

    fn expects(&self) -> Expects {
        Expects::Softmax { from_logits: self.from_logits }
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check(self, self.alpha, f64::INFINITY, self.gamma)?;
        check_smoothing(self, self.label_smoothing)?;
        let logits = logits(self, at)?;
        let target = smoothed(at.graph, at.targets, self.label_smoothing, evenly(at))?;
        let graph = &mut *at.graph;
        let log = graph.log_softmax(logits)?;
        let p = graph.exp(log)?;
        let factor = left_out(graph, p, self.gamma)?;
        let terms = graph.mul(target, log)?;
        let terms = graph.mul(factor, terms)?;
        let sum = graph.sum(terms, &[graph.shape(terms).rank() - 1], false)?;
        Ok(graph.scale(sum, -self.alpha)?.into())
    }
}

impl Rule for BinaryFocalCrossentropy {
    const NAME: &'static str = "binary_focal_crossentropy";

    fn expects(&self) -> Expects {
        Expects::Sigmoid { from_logits: self.from_logits }
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check(self, self.alpha, 1.0, self.gamma)?;
        check_smoothing(self, self.label_smoothing)?;
        let logits = logits(self, at)?;
        let target = smoothed(at.graph, at.targets, self.label_smoothing, 0.5)?;
        let graph = &mut *at.graph;
        let surprise = graph.sigmoid_cross_entropy(logits, target)?;
        let p = graph.sigmoid(logits)?;
        let right = mixture(graph, target, p)?;
        let factor = left_out(graph, right, self.gamma)?;
        let mut loss = graph.mul(factor, surprise)?;
        if self.apply_class_balancing {
            let alpha = graph.constant(self.alpha, Shape::scalar())?;
            let weight = mixture(graph, target, alpha)?;
            loss = graph.mul(weight, loss)?;
        }
        Ok(graph.mean(loss, &[graph.shape(loss).rank() - 1], false)?.into())
    }
}

/// `t·p + (1 - t)·(1 - p)`, written as `1 - t - p + 2·t·p`.
fn mixture(graph: &mut Graph, t: NodeId, p: NodeId) -> Result<NodeId, NnError> {
    let both = graph.mul(t, p)?;
    let twice = graph.scale(both, 2.0)?;
    let sum = graph.add(t, p)?;
    let one = graph.constant(1.0, Shape::scalar())?;
    let rest = graph.sub(one, sum)?;
    Ok(graph.add(rest, twice)?)
}
