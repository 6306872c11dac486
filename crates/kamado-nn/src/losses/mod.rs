//! What training makes small.
//!
//! A loss yields one number for each place of the model's output that has one: for each example, or for each time step
//! or pixel of it. Places that do not count (padding, an ignored class) are left out of the mean. Cross-entropies are
//! computed from logits, which neither overflow nor lose digits: if the model ends in a softmax or sigmoid, the loss
//! looks through it.

mod boxes;
mod crossentropy;
mod ctc;
mod embeddings;
mod errors;
mod focal;
mod hinge;
mod logits;
mod overlap;
mod probability;

pub use boxes::{BoxFormat, Ciou, Diou, Giou, Iou};
pub use crossentropy::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub use ctc::Ctc;
pub use embeddings::{Distance, InfoNce, Triplet};
pub use errors::{
    CosineSimilarity, Huber, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Quantile,
};
pub use focal::{BinaryFocalCrossentropy, CategoricalFocalCrossentropy, SparseCategoricalFocalCrossentropy};
pub use hinge::{CategoricalHinge, Hinge, SquaredHinge};
pub use overlap::{Dice, Tversky};
pub use probability::{KlDivergence, Poisson};

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{Shape, TensorType};
use serde::{Deserialize, Serialize};

use crate::error::NnError;
use crate::text_or_table::text_or_table_impls;

/// Keeps divisors and arguments of logarithms away from zero, as Keras does.
const EPSILON: f64 = 1e-7;

/// Where a loss is built.
pub(crate) struct Site<'a> {
    pub(crate) graph: &'a mut Graph,
    /// The model's output.
    pub(crate) output: NodeId,
    /// What it should have been; losses that know no targets do not look at it.
    pub(crate) targets: NodeId,
    /// Which time steps of the output are real, `[B, T]`.
    pub(crate) mask: Option<NodeId>,
}

/// The nodes of a loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Each {
    /// The loss of each place, `[B, …]`.
    pub loss: NodeId,
    /// 1 where a place counts and 0 where it does not, in the same shape; `None` if all do.
    pub counts: Option<NodeId>,
}

impl From<NodeId> for Each {
    fn from(loss: NodeId) -> Self {
        Each { loss, counts: None }
    }
}

/// What a loss takes the model's output for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expects {
    /// A distribution over the classes of the last axis, or its logits.
    Softmax {
        /// Whether logits are expected.
        from_logits: bool,
    },
    /// Independent probabilities, or their logits.
    Sigmoid {
        /// Whether logits are expected.
        from_logits: bool,
    },
    /// Scores of which the largest, or of one the sign, tells the class.
    Scores,
    /// Numbers.
    Values,
}

/// The rules of a loss.
pub(crate) trait Rule {
    /// The name, as written in a recipe.
    const NAME: &'static str;

    /// The type of the targets; `None` if there are none.
    fn targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
        Ok(Some(TensorType::f32(output.clone())))
    }

    /// What the output is taken for.
    fn expects(&self) -> Expects {
        Expects::Values
    }

    /// Adds the nodes of the loss; settings out of range are errors.
    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError>;
}

fn error<R: Rule>(_: &R, problem: impl Into<String>) -> NnError {
    NnError::Loss { loss: R::NAME, problem: problem.into() }
}

/// One integer for each row of the output's last axis.
fn integer_targets(output: &Shape) -> TensorType {
    TensorType::i32(Shape(output[..output.rank() - 1].to_vec()))
}

/// Refuses a number that is not in the range.
fn check_range<R: Rule>(rule: &R, setting: &str, value: f64, fits: bool, expected: &str) -> Result<(), NnError> {
    match fits && value.is_finite() {
        true => Ok(()),
        false => Err(error(rule, format!("{setting} must be {expected}, got {value}"))),
    }
}

/// Declares the closed list of losses.
macro_rules! losses {
    ($($(#[$attribute:meta])* $type:ident = $name:literal $(| $alias:literal)?),* $(,)?) => {
        /// A loss. Written as `"mse"` or `{ type = "huber", delta = 2.0 }`.
        ///
        /// Source: definitions, names and defaults as in Keras 3, where Keras has the loss.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(tag = "type", remote = "Self")]
        #[allow(missing_docs)] // each is documented at its own type
        pub enum Loss {
            $(#[serde(rename = $name $(, alias = $alias)?)] $type($type),)*
        }

        text_or_table_impls!(Loss);

        /// The losses as written in a recipe.
        pub const NAMES: &[&str] = &[$($name, $($alias,)?)*];

        $(impl From<$type> for Loss {
            fn from(loss: $type) -> Self {
                Loss::$type(loss)
            }
        })*

        impl Loss {
            /// The name, as written in a recipe.
            pub fn name(&self) -> &'static str {
                match self { $(Loss::$type(_) => <$type as Rule>::NAME,)* }
            }

            /// What the loss takes the model's output for.
            pub fn expects(&self) -> Expects {
                match self { $(Loss::$type(loss) => loss.expects(),)* }
            }

            fn rule_targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
                match self { $(Loss::$type(loss) => loss.targets(output),)* }
            }

            fn rule_each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
                match self { $(Loss::$type(loss) => loss.each(at),)* }
            }
        }
    };
}

losses! {
    SparseCategoricalCrossentropy = "sparse_categorical_crossentropy",
    CategoricalCrossentropy = "categorical_crossentropy",
    BinaryCrossentropy = "binary_crossentropy",
    SparseCategoricalFocalCrossentropy = "sparse_categorical_focal_crossentropy",
    CategoricalFocalCrossentropy = "categorical_focal_crossentropy",
    BinaryFocalCrossentropy = "binary_focal_crossentropy",
    KlDivergence = "kl_divergence",
    Poisson = "poisson",
    MeanSquaredError = "mean_squared_error" | "mse",
    MeanAbsoluteError = "mean_absolute_error" | "mae",
    MeanAbsolutePercentageError = "mean_absolute_percentage_error" | "mape",
    MeanSquaredLogarithmicError = "mean_squared_logarithmic_error" | "msle",
    Huber = "huber",
    LogCosh = "log_cosh",
    Quantile = "quantile",
    CosineSimilarity = "cosine_similarity",
    Hinge = "hinge",
    SquaredHinge = "squared_hinge",
    CategoricalHinge = "categorical_hinge",
    Dice = "dice",
    Tversky = "tversky",
    Iou = "iou",
    Giou = "giou",
    Diou = "diou",
    Ciou = "ciou",
    Triplet = "triplet",
    InfoNce = "info_nce",
    Ctc = "ctc",
}

impl Loss {
    /// [`SparseCategoricalCrossentropy`] of a softmax.
    pub const SPARSE_CATEGORICAL_CROSSENTROPY: Loss =
        Loss::SparseCategoricalCrossentropy(SparseCategoricalCrossentropy::DEFAULT);
    /// [`CategoricalCrossentropy`] of a softmax.
    pub const CATEGORICAL_CROSSENTROPY: Loss = Loss::CategoricalCrossentropy(CategoricalCrossentropy::DEFAULT);
    /// [`BinaryCrossentropy`] of a sigmoid.
    pub const BINARY_CROSSENTROPY: Loss = Loss::BinaryCrossentropy(BinaryCrossentropy::DEFAULT);
    /// [`MeanSquaredError`].
    pub const MSE: Loss = Loss::MeanSquaredError(MeanSquaredError {});
    /// [`MeanAbsoluteError`].
    pub const MAE: Loss = Loss::MeanAbsoluteError(MeanAbsoluteError {});

    /// The type of the targets for a model's output of this shape: integers for losses of class labels, mostly floats of
    /// the output's shape; `None` for losses that compare parts of the output with each other.
    ///
    /// # Errors
    /// [`NnError::Loss`] if the output lacks an axis that the loss needs.
    pub fn targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
        if output.rank() < 2 {
            return Err(
                self.error(format!("expected an output [B, …, units], got {output}; end the model with a dense layer"))
            );
        }
        self.rule_targets(output)
    }

    /// Adds the nodes for the loss of each place of a model's output, from targets of the type that [`Loss::targets`] gives
    /// and, for sequences, from a mask `[B, T]` that is 1 at the real time steps.
    ///
    /// # Errors
    /// [`NnError::Loss`] if the output is not normalised where the loss expects a distribution, or is where it expects
    /// logits; if its shape does not fit; if a setting is out of range.
    pub fn each(
        &self,
        graph: &mut Graph,
        output: NodeId,
        targets: Option<NodeId>,
        mask: Option<NodeId>,
    ) -> Result<Each, NnError> {
        let targets = match (self.targets(graph.shape(output))?, targets) {
            (Some(ty), None) => return Err(self.error(format!("needs targets {ty}, got none"))),
            (_, targets) => targets.unwrap_or(output),
        };
        let each = self.rule_each(&mut Site { graph, output, targets, mask })?;
        let counts = counts(graph, each, mask)?;
        Ok(Each { counts, ..each })
    }

    /// Adds the nodes for the loss of each example, `[B]`: the mean over those of its places that count.
    ///
    /// # Errors
    /// As [`Loss::each`].
    pub fn per_example(
        &self,
        graph: &mut Graph,
        output: NodeId,
        targets: Option<NodeId>,
        mask: Option<NodeId>,
    ) -> Result<NodeId, NnError> {
        self.each(graph, output, targets, mask)?.per_example(graph)
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> NnError {
        NnError::Loss { loss: self.name(), problem: problem.into() }
    }
}

/// Which places count, by the loss itself and by the mask of its time steps. A loss of whole sequences has no places that
/// a mask could leave out.
fn counts(graph: &mut Graph, each: Each, mask: Option<NodeId>) -> Result<Option<NodeId>, NnError> {
    let shape = graph.shape(each.loss).clone();
    let mask = mask.filter(|&mask| shape.rank() >= 2 && shape[..2] == graph.shape(mask)[..]);
    let Some(mut mask) = mask else { return Ok(each.counts) };
    if shape.rank() > 2 {
        let behind: Vec<usize> = (2..shape.rank()).collect();
        mask = graph.restore_axes(mask, &behind, false)?;
        let ones = graph.constant(1.0, shape)?;
        mask = graph.mul(ones, mask)?;
    }
    Ok(Some(match each.counts {
        Some(counts) => graph.mul(counts, mask)?,
        None => mask,
    }))
}

impl Each {
    /// The loss of each example, `[B]`: the mean over those of its places that count, 0 if none does.
    pub(crate) fn per_example(self, graph: &mut Graph) -> Result<NodeId, NnError> {
        let axes: Vec<usize> = (1..graph.shape(self.loss).rank()).collect();
        match self.counts {
            None if axes.is_empty() => Ok(self.loss),
            None => Ok(graph.mean(self.loss, &axes, false)?),
            Some(_) => self.mean_over(graph, &axes),
        }
    }

    /// The mean over the axes of the places that count.
    pub(crate) fn mean_over(self, graph: &mut Graph, axes: &[usize]) -> Result<NodeId, NnError> {
        let Some(counts) = self.counts else { return Ok(graph.mean(self.loss, axes, false)?) };
        let counted = graph.mul(self.loss, counts)?;
        let (sum, number) = (graph.sum(counted, axes, false)?, graph.sum(counts, axes, false)?);
        // Counts are whole numbers, so this changes only 0 / 0.
        let one = graph.constant(1.0, Shape::scalar())?;
        let number = graph.maximum(number, one)?;
        Ok(graph.div(sum, number)?)
    }
}
