//! What training makes small.
//!
//! A loss yields one number per example; the loss of a batch is their mean. Cross-entropies are computed from logits,
//! which neither overflow nor lose digits: if the model ends in a softmax or sigmoid, the loss looks through it.

mod cross_entropy;

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{Shape, TensorType};
use serde::{Deserialize, Serialize};

use crate::error::NnError;
use crate::text_or_table::text_or_table_impls;

/// A loss. Written as `"mse"` or `{ type = "huber", delta = 2.0 }`.
///
/// Source: definitions, names and defaults as in Keras 3.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields, remote = "Self")]
pub enum Loss {
    /// `-ln p[label]` for integer labels: output `[B, …, classes]`, labels `[B, …]`.
    SparseCategoricalCrossentropy {
        /// Whether the output is logits rather than a softmax; false by default.
        #[serde(default)]
        from_logits: bool,
    },
    /// `-Σ target · ln p` for targets that are distributions, such as one-hot: output and targets `[B, …, classes]`.
    CategoricalCrossentropy {
        /// Whether the output is logits rather than a softmax; false by default.
        #[serde(default)]
        from_logits: bool,
    },
    /// The mean of `-t·ln p - (1 - t)·ln(1 - p)`: output and targets of one shape.
    BinaryCrossentropy {
        /// Whether the output is logits rather than a sigmoid; false by default.
        #[serde(default)]
        from_logits: bool,
    },
    /// The mean of `(y - t)²`; also written `mse`.
    #[serde(alias = "mse")]
    MeanSquaredError {},
    /// The mean of `|y - t|`; also written `mae`.
    #[serde(alias = "mae")]
    MeanAbsoluteError {},
    /// The mean of `e²/2` where the error `e = |y - t|` is at most `delta`, and of `delta·e - delta²/2` elsewhere.
    Huber {
        /// Where the parabola becomes a line; 1 by default.
        #[serde(default = "one")]
        delta: f64,
    },
}

text_or_table_impls!(Loss);

fn one() -> f64 {
    1.0
}

/// The losses as written in a recipe.
pub const NAMES: &[&str] = &[
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    "mean_squared_error",
    "mse",
    "mean_absolute_error",
    "mae",
    "huber",
];

impl Loss {
    /// [`Loss::SparseCategoricalCrossentropy`] of a softmax.
    pub const SPARSE_CATEGORICAL_CROSSENTROPY: Loss = Loss::SparseCategoricalCrossentropy { from_logits: false };
    /// [`Loss::CategoricalCrossentropy`] of a softmax.
    pub const CATEGORICAL_CROSSENTROPY: Loss = Loss::CategoricalCrossentropy { from_logits: false };
    /// [`Loss::BinaryCrossentropy`] of a sigmoid.
    pub const BINARY_CROSSENTROPY: Loss = Loss::BinaryCrossentropy { from_logits: false };
    /// [`Loss::MeanSquaredError`].
    pub const MSE: Loss = Loss::MeanSquaredError {};
    /// [`Loss::MeanAbsoluteError`].
    pub const MAE: Loss = Loss::MeanAbsoluteError {};

    /// The name, as written in a recipe.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::SparseCategoricalCrossentropy { .. } => "sparse_categorical_crossentropy",
            Loss::CategoricalCrossentropy { .. } => "categorical_crossentropy",
            Loss::BinaryCrossentropy { .. } => "binary_crossentropy",
            Loss::MeanSquaredError {} => "mean_squared_error",
            Loss::MeanAbsoluteError {} => "mean_absolute_error",
            Loss::Huber { .. } => "huber",
        }
    }

    /// The type of the targets for a model's output of this shape: integers, one axis less, for
    /// [`Loss::SparseCategoricalCrossentropy`]; otherwise floats of the same shape.
    ///
    /// # Errors
    /// [`NnError::Loss`] if the output lacks the axis that the loss needs.
    pub fn targets(&self, output: &Shape) -> Result<TensorType, NnError> {
        if output.rank() < 2 {
            return Err(
                self.error(format!("expected an output [B, …, units], got {output}; end the model with a dense layer"))
            );
        }
        Ok(match self {
            Loss::SparseCategoricalCrossentropy { .. } => TensorType::i32(Shape(output[..output.rank() - 1].to_vec())),
            _ => TensorType::f32(output.clone()),
        })
    }

    /// Adds the nodes for the loss of each example, `[B]`, from a model's output and targets of the type that
    /// [`Loss::targets`] gives.
    ///
    /// # Errors
    /// [`NnError::Loss`] if the output is not normalised where the loss expects a distribution, or is where it expects
    /// logits; or if `delta` is out of range.
    pub fn per_example(&self, graph: &mut Graph, output: NodeId, targets: NodeId) -> Result<NodeId, NnError> {
        let each = match *self {
            Loss::SparseCategoricalCrossentropy { from_logits } => {
                let logits = cross_entropy::logits(self, graph, output, from_logits)?;
                graph.softmax_cross_entropy(logits, targets)?
            }
            Loss::CategoricalCrossentropy { from_logits } => {
                let logits = cross_entropy::logits(self, graph, output, from_logits)?;
                graph.categorical_cross_entropy_from_logits(logits, targets)?
            }
            Loss::BinaryCrossentropy { from_logits } => {
                let logits = cross_entropy::logits(self, graph, output, from_logits)?;
                graph.sigmoid_cross_entropy(logits, targets)?
            }
            Loss::MeanSquaredError {} => graph.mean_squared_error(output, targets)?,
            Loss::MeanAbsoluteError {} => graph.mean_absolute_error(output, targets)?,
            Loss::Huber { delta } if delta > 0.0 && delta.is_finite() => graph.huber(output, targets, delta)?,
            Loss::Huber { delta } => return Err(self.error(format!("delta must be greater than 0, got {delta}"))),
        };
        let axes: Vec<usize> = (1..graph.shape(each).rank()).collect();
        Ok(if axes.is_empty() { each } else { graph.mean(each, &axes, false)? })
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> NnError {
        NnError::Loss { loss: self.name(), problem: problem.into() }
    }
}
