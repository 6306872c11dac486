//! Losses of scores that should keep a margin.
//!
//! Targets greater than 0 are the positive class, so that both 0 and -1 may stand for the negative one, as in Keras.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::errors::at_least;
use super::{Each, Expects, Rule, Site};
use crate::error::NnError;

/// The mean of `max(1 - t·y, 0)` over the last axis, with targets -1 (or 0) and 1 and a linear output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hinge {}

/// The mean of `max(1 - t·y, 0)²` over the last axis, with targets -1 (or 0) and 1 and a linear output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SquaredHinge {}

/// `max(1 + max((1 - t)·y) - Σ t·y, 0)` over the last axis, with one-hot targets and a linear output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoricalHinge {}

/// `max(1 - t·y, 0)`.
fn lack(at: &mut Site<'_>) -> Result<NodeId, NnError> {
    let graph = &mut *at.graph;
    let positive = graph.step(at.targets)?;
    let twice = graph.scale(positive, 2.0)?;
    let one = graph.constant(1.0, Shape::scalar())?;
    let sign = graph.sub(twice, one)?;
    let margin = graph.mul(sign, at.output)?;
    let lack = graph.sub(one, margin)?;
    at_least(graph, lack, 0.0)
}

impl Rule for Hinge {
    const NAME: &'static str = "hinge";

    fn expects(&self) -> Expects {
        Expects::Scores
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let lack = lack(at)?;
        Ok(at.graph.mean(lack, &[at.graph.shape(lack).rank() - 1], false)?.into())
    }
}

impl Rule for SquaredHinge {
    const NAME: &'static str = "squared_hinge";

    fn expects(&self) -> Expects {
        Expects::Scores
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let lack = lack(at)?;
        let square = at.graph.square(lack)?;
        Ok(at.graph.mean(square, &[at.graph.shape(square).rank() - 1], false)?.into())
    }
}

impl Rule for CategoricalHinge {
    const NAME: &'static str = "categorical_hinge";

    fn expects(&self) -> Expects {
        Expects::Scores
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let graph = &mut *at.graph;
        let last = graph.shape(at.output).rank() - 1;
        let own = graph.mul(at.targets, at.output)?;
        let others = graph.sub(at.output, own)?;
        let (own, other) = (graph.sum(own, &[last], false)?, graph.max(others, &[last], false)?);
        let one = graph.constant(1.0, Shape::scalar())?;
        let lack = graph.sub(other, own)?;
        let lack = graph.add(lack, one)?;
        Ok(at_least(graph, lack, 0.0)?.into())
    }
}
