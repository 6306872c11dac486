//! Losses of the difference between prediction and target, each the mean over the last axis.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::{EPSILON, Each, Rule, Site, check_range};
use crate::error::NnError;

/// The mean of `(y - t)²`; also written `mse`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanSquaredError {}

/// The mean of `|y - t|`; also written `mae`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanAbsoluteError {}

/// `100 · mean |t - y| / max(|t|, 1e-7)`, in percent; also written `mape`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanAbsolutePercentageError {}

/// The mean of `(ln(1 + t) - ln(1 + y))²`, where numbers below 1e-7 count as 1e-7; also written `msle`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanSquaredLogarithmicError {}

/// The mean of `e²/2` where the error `e = |y - t|` is at most `delta`, and of `delta·e - delta²/2` elsewhere.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Huber {
    /// Where the parabola becomes a line, greater than 0; 1 by default.
    pub delta: f64,
}

/// The mean of `ln cosh(y - t)`: `e²/2` for small errors `e`, `|e| - ln 2` for large ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogCosh {}

/// The mean of `max(q·(t - y), (q - 1)·(t - y))`, the pinball loss: the best constant answer is the `q`-quantile of the
/// targets.
///
/// Source: Koenker and Bassett, "Regression quantiles", 1978. Keras has no such loss; scikit-learn's
/// `mean_pinball_loss` is the same.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quantile {
    /// The quantile `q`, between 0 and 1; 0.5, the median, by default.
    pub quantile: f64,
}

/// `-Σ ŷ·t̂` with `x̂ = x / √max(Σ x², 1e-12)` over the last axis: -1 for parallel vectors, 0 for perpendicular ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineSimilarity {}

impl Default for Huber {
    fn default() -> Self {
        Huber { delta: 1.0 }
    }
}

impl Default for Quantile {
    fn default() -> Self {
        Quantile { quantile: 0.5 }
    }
}

/// The mean over the last axis.
fn mean(graph: &mut Graph, x: NodeId) -> Result<Each, NnError> {
    Ok(graph.mean(x, &[graph.shape(x).rank() - 1], false)?.into())
}

/// `max(x, least)`.
pub(super) fn at_least(graph: &mut Graph, x: NodeId, least: f64) -> Result<NodeId, NnError> {
    let least = graph.constant(least, Shape::scalar())?;
    Ok(graph.maximum(x, least)?)
}

impl Rule for MeanSquaredError {
    const NAME: &'static str = "mean_squared_error";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        Ok(at.graph.mean_squared_error(at.output, at.targets)?.into())
    }
}

impl Rule for MeanAbsoluteError {
    const NAME: &'static str = "mean_absolute_error";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        Ok(at.graph.mean_absolute_error(at.output, at.targets)?.into())
    }
}

impl Rule for MeanAbsolutePercentageError {
    const NAME: &'static str = "mean_absolute_percentage_error";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let graph = &mut *at.graph;
        let error = graph.sub(at.output, at.targets)?;
        let (distance, size) = (graph.abs(error)?, graph.abs(at.targets)?);
        let size = at_least(graph, size, EPSILON)?;
        let share = graph.div(distance, size)?;
        let percent = graph.scale(share, 100.0)?;
        mean(graph, percent)
    }
}

impl Rule for MeanSquaredLogarithmicError {
    const NAME: &'static str = "mean_squared_logarithmic_error";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let graph = &mut *at.graph;
        let mut log = |x| -> Result<NodeId, NnError> {
            let x = at_least(graph, x, EPSILON)?;
            let one = graph.constant(1.0, Shape::scalar())?;
            let x = graph.add(x, one)?;
            Ok(graph.log(x)?)
        };
        let (y, t) = (log(at.output)?, log(at.targets)?);
        Ok(at.graph.mean_squared_error(y, t)?.into())
    }
}

impl Rule for Huber {
    const NAME: &'static str = "huber";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check_range(self, "delta", self.delta, self.delta > 0.0, "greater than 0")?;
        Ok(at.graph.huber(at.output, at.targets, self.delta)?.into())
    }
}

impl Rule for LogCosh {
    const NAME: &'static str = "log_cosh";

    /// `ln cosh e = |e| + ln(1 + exp(-2|e|)) - ln 2`, of which the middle is the cross-entropy of logit `-2|e|` with 0.
    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let graph = &mut *at.graph;
        let error = graph.sub(at.output, at.targets)?;
        let size = graph.abs(error)?;
        let logit = graph.scale(size, -2.0)?;
        let zero = graph.constant(0.0, graph.shape(logit).clone())?;
        let rest = graph.sigmoid_cross_entropy(logit, zero)?;
        let sum = graph.add(size, rest)?;
        let ln_2 = graph.constant(std::f64::consts::LN_2, Shape::scalar())?;
        let loss = graph.sub(sum, ln_2)?;
        mean(graph, loss)
    }
}

impl Rule for Quantile {
    const NAME: &'static str = "quantile";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let q = self.quantile;
        check_range(self, "quantile", q, q > 0.0 && q < 1.0, "between 0 and 1")?;
        let graph = &mut *at.graph;
        let error = graph.sub(at.targets, at.output)?;
        let (below, above) = (graph.scale(error, q)?, graph.scale(error, q - 1.0)?);
        let loss = graph.maximum(below, above)?;
        mean(graph, loss)
    }
}

impl Rule for CosineSimilarity {
    const NAME: &'static str = "cosine_similarity";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let graph = &mut *at.graph;
        let last = graph.shape(at.output).rank() - 1;
        let mut product = |a, b| -> Result<NodeId, NnError> {
            let product = graph.mul(a, b)?;
            Ok(graph.sum(product, &[last], false)?)
        };
        let (yt, yy, tt) =
            (product(at.output, at.targets)?, product(at.output, at.output)?, product(at.targets, at.targets)?);
        let (yy, tt) = (at_least(graph, yy, 1e-12)?, at_least(graph, tt, 1e-12)?);
        // Two roots rather than the root of a product, which would overflow first.
        let (y, t) = (graph.sqrt(yy)?, graph.sqrt(tt)?);
        let cosine = graph.div(yt, y)?;
        let cosine = graph.div(cosine, t)?;
        Ok(graph.neg(cosine)?.into())
    }
}
