//! Losses of distributions and of rates.

use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::errors::at_least;
use super::logits::logits;
use super::{EPSILON, Each, Expects, Rule, Site};
use crate::error::NnError;

/// `Σ t · ln(t / p)` over the last axis, the divergence of the output from the target distribution, in nats: output and
/// targets `[B, …, classes]`. Targets below 1e-7 count as 1e-7.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KlDivergence {
    /// Whether the output is logits rather than a softmax; false by default.
    pub from_logits: bool,
}

/// The mean of `y - t · ln(y + 1e-7)` over the last axis, the log-likelihood of counts `t` at rates `y` without its
/// constant. Rates are positive: end the model in an exponential or softplus.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poisson {}

impl Rule for KlDivergence {
    const NAME: &'static str = "kl_divergence";

    fn expects(&self) -> Expects {
        Expects::Softmax { from_logits: self.from_logits }
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let logits = logits(self, at)?;
        let graph = &mut *at.graph;
        let target = at_least(graph, at.targets, EPSILON)?;
        let (log_t, log_p) = (graph.log(target)?, graph.log_softmax(logits)?);
        let ratio = graph.sub(log_t, log_p)?;
        let terms = graph.mul(target, ratio)?;
        Ok(graph.sum(terms, &[graph.shape(terms).rank() - 1], false)?.into())
    }
}

impl Rule for Poisson {
    const NAME: &'static str = "poisson";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let graph = &mut *at.graph;
        let epsilon = graph.constant(EPSILON, Shape::scalar())?;
        let rate = graph.add(at.output, epsilon)?;
        let log = graph.log(rate)?;
        let explained = graph.mul(at.targets, log)?;
        let loss = graph.sub(at.output, explained)?;
        Ok(graph.mean(loss, &[graph.shape(loss).rank() - 1], false)?.into())
    }
}
