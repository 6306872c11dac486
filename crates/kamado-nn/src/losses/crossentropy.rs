//! Cross-entropies with classes and with probabilities.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{Shape, TensorType};
use serde::{Deserialize, Serialize};

use super::logits::logits;
use super::{Each, Expects, Rule, Site, check_range, integer_targets};
use crate::error::NnError;

/// `-ln p[label]` for integer labels: output `[B, …, classes]`, labels `[B, …]`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseCategoricalCrossentropy {
    /// Whether the output is logits rather than a softmax; false by default.
    pub from_logits: bool,
    /// A label, such as -1 for padding, whose places count neither in the loss nor in the mean, as in Keras and as
    /// PyTorch's `ignore_index`; none by default.
    pub ignore_class: Option<i32>,
    /// The share `ε` of the target that is spread evenly over all classes, in `[0, 1)`:
    /// `-(1 - ε) · ln p[label] - ε · mean ln p`, as PyTorch's `CrossEntropyLoss`; 0 by default.
    pub label_smoothing: f64,
}

/// `-Σ target · ln p` for targets that are distributions, such as one-hot: output and targets `[B, …, classes]`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CategoricalCrossentropy {
    /// Whether the output is logits rather than a softmax; false by default.
    pub from_logits: bool,
    /// The share `ε` of the target that is spread evenly over all classes, in `[0, 1)`: `(1 - ε) · target + ε / classes`; 0
    /// by default.
    pub label_smoothing: f64,
}

/// The mean of `-t·ln p - (1 - t)·ln(1 - p)` over the last axis: output and targets of one shape.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BinaryCrossentropy {
    /// Whether the output is logits rather than a sigmoid; false by default.
    pub from_logits: bool,
    /// How far targets are moved towards 1/2, in `[0, 1)`: `(1 - ε) · target + ε / 2`; 0 by default.
    pub label_smoothing: f64,
}

macro_rules! default {
    ($type:ident { $($field:ident: $value:expr),* }) => {
        impl $type {
            pub(super) const DEFAULT: Self = $type { $($field: $value),* };
        }

        impl Default for $type {
            fn default() -> Self {
                Self::DEFAULT
            }
        }
    };
}

default!(SparseCategoricalCrossentropy { from_logits: false, ignore_class: None, label_smoothing: 0.0 });
default!(CategoricalCrossentropy { from_logits: false, label_smoothing: 0.0 });
default!(BinaryCrossentropy { from_logits: false, label_smoothing: 0.0 });

/// Refuses a share that is not in `[0, 1)`.
pub(super) fn check_smoothing<R: Rule>(rule: &R, smoothing: f64) -> Result<(), NnError> {
    check_range(rule, "label_smoothing", smoothing, (0.0..1.0).contains(&smoothing), "at least 0 and less than 1")
}

/// `(1 - smoothing) · target + smoothing · even`.
pub(super) fn smoothed(graph: &mut Graph, target: NodeId, smoothing: f64, even: f64) -> Result<NodeId, NnError> {
    if smoothing == 0.0 {
        return Ok(target);
    }
    let kept = graph.scale(target, 1.0 - smoothing)?;
    let spread = graph.constant(smoothing * even, Shape::scalar())?;
    Ok(graph.add(kept, spread)?)
}

/// One over the number of classes, the last axis of the output.
pub(super) fn evenly(at: &Site<'_>) -> f64 {
    at.graph.shape(at.output).last().map_or(1.0, |classes| 1.0 / classes.at(1).max(1) as f64)
}

impl Rule for SparseCategoricalCrossentropy {
    const NAME: &'static str = "sparse_categorical_crossentropy";

    fn targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
        Ok(Some(integer_targets(output)))
    }

    fn expects(&self) -> Expects {
        Expects::Softmax { from_logits: self.from_logits }
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check_smoothing(self, self.label_smoothing)?;
        let logits = logits(self, at)?;
        let mut loss = at.graph.softmax_cross_entropy_ignoring(logits, at.targets, self.ignore_class)?;
        if self.label_smoothing > 0.0 {
            let log = at.graph.log_softmax(logits)?;
            let mean = at.graph.mean(log, &[at.graph.shape(log).rank() - 1], false)?;
            let (kept, spread) =
                (at.graph.scale(loss, 1.0 - self.label_smoothing)?, at.graph.scale(mean, self.label_smoothing)?);
            loss = at.graph.sub(kept, spread)?;
        }
        let counts = self.ignore_class.map(|class| at.graph.token_mask(at.targets, class)).transpose()?;
        Ok(Each { loss, counts })
    }
}

impl Rule for CategoricalCrossentropy {
    const NAME: &'static str = "categorical_crossentropy";

    fn expects(&self) -> Expects {
        Expects::Softmax { from_logits: self.from_logits }
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check_smoothing(self, self.label_smoothing)?;
        let logits = logits(self, at)?;
        let target = smoothed(at.graph, at.targets, self.label_smoothing, evenly(at))?;
        Ok(at.graph.categorical_cross_entropy_from_logits(logits, target)?.into())
    }
}

impl Rule for BinaryCrossentropy {
    const NAME: &'static str = "binary_crossentropy";

    fn expects(&self) -> Expects {
        Expects::Sigmoid { from_logits: self.from_logits }
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check_smoothing(self, self.label_smoothing)?;
        let logits = logits(self, at)?;
        let target = smoothed(at.graph, at.targets, self.label_smoothing, 0.5)?;
        let each = at.graph.sigmoid_cross_entropy(logits, target)?;
        Ok(at.graph.mean(each, &[at.graph.shape(each).rank() - 1], false)?.into())
    }
}
