//! Losses of embeddings, which bring alike examples together. They compare parts of the output with each other and know no
//! targets.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{Dim, Shape, TensorType};
use serde::{Deserialize, Serialize};

use super::errors::at_least;
use super::{Each, Rule, Site, check_range, error};
use crate::error::NnError;

/// `max(d(anchor, positive) - d(anchor, negative) + margin, 0)`: output `[B, 3, units]`, for each example the embeddings of an
/// anchor, of something alike and of something else; one model applied to inputs `[B, 3, …]` gives them.
///
/// Source: Schroff et al., "FaceNet", 2015; defaults as PyTorch's `TripletMarginLoss`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Triplet {
    /// How much farther the negative has to be, greater than 0; 1 by default.
    pub margin: f64,
    /// How distance is measured; Euclidean by default.
    pub distance: Distance,
}

/// The distance of two embeddings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// `√Σ (a - b)²`.
    #[default]
    Euclidean,
    /// `Σ (a - b)²`.
    SquaredEuclidean,
    /// `1 - cos(a, b)`.
    Cosine,
}

/// `-ln softmax_j(cos(aᵢ, bⱼ) / temperature)` at `j = i`: output `[B, 2, units]`, for each example the embeddings of two views; of
/// all second views of the batch, the first has to find its own. So the loss depends on the batch size, and a larger
/// batch is a harder task.
///
/// Source: van den Oord et al., "Representation learning with contrastive predictive coding", 2018; symmetric, as in
/// Radford et al., "Learning transferable visual models from natural language supervision" (CLIP), 2021.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfoNce {
    /// What similarities are divided by, greater than 0; 0.1 by default.
    pub temperature: f64,
    /// Whether the second view has to find the first too, the loss being the mean of both; false by default.
    pub symmetric: bool,
}

impl Default for Triplet {
    fn default() -> Self {
        Triplet { margin: 1.0, distance: Distance::Euclidean }
    }
}

impl Default for InfoNce {
    fn default() -> Self {
        InfoNce { temperature: 0.1, symmetric: false }
    }
}

/// Refuses an output that is not `[B, parts, units]`.
fn check_parts<R: Rule>(rule: &R, output: &Shape, parts: usize, meaning: &str) -> Result<(), NnError> {
    match output[..] {
        [_, Dim::Fixed(n), Dim::Fixed(_)] if n == parts => Ok(()),
        _ => Err(error(
            rule,
            format!(
                "expected an output [B, {parts}, units], {meaning}, got {output}; give the model inputs [{parts}, …]"
            ),
        )),
    }
}

/// The embeddings of one part, `[B, units]`.
fn part(graph: &mut Graph, output: NodeId, part: usize) -> Result<NodeId, NnError> {
    let slice = graph.slice(output, 1, part, 1)?;
    let shape = graph.shape(slice);
    let shape = Shape(vec![shape[0], shape[2]]);
    Ok(graph.reshape(slice, shape)?)
}

/// `x / √max(Σ x², 1e-12)` over the last axis.
fn normalized(graph: &mut Graph, x: NodeId) -> Result<NodeId, NnError> {
    let square = graph.square(x)?;
    let sum = graph.sum(square, &[graph.shape(x).rank() - 1], true)?;
    let sum = at_least(graph, sum, 1e-12)?;
    let length = graph.sqrt(sum)?;
    Ok(graph.div(x, length)?)
}

impl Distance {
    fn between(self, graph: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId, NnError> {
        if self == Distance::Cosine {
            let (a, b) = (normalized(graph, a)?, normalized(graph, b)?);
            let product = graph.mul(a, b)?;
            let cosine = graph.sum(product, &[1], false)?;
            let one = graph.constant(1.0, Shape::scalar())?;
            return Ok(graph.sub(one, cosine)?);
        }
        let difference = graph.sub(a, b)?;
        let square = graph.square(difference)?;
        let sum = graph.sum(square, &[1], false)?;
        if self == Distance::SquaredEuclidean {
            return Ok(sum);
        }
        let sum = at_least(graph, sum, 1e-12)?;
        Ok(graph.sqrt(sum)?)
    }
}

impl Rule for Triplet {
    const NAME: &'static str = "triplet";

    fn targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
        check_parts(self, output, 3, "of an anchor, a positive and a negative")?;
        Ok(None)
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check_range(self, "margin", self.margin, self.margin > 0.0, "greater than 0")?;
        let graph = &mut *at.graph;
        let (anchor, positive, negative) =
            (part(graph, at.output, 0)?, part(graph, at.output, 1)?, part(graph, at.output, 2)?);
        let near = self.distance.between(graph, anchor, positive)?;
        let far = self.distance.between(graph, anchor, negative)?;
        let margin = graph.constant(self.margin, Shape::scalar())?;
        let lead = graph.sub(near, far)?;
        let lack = graph.add(lead, margin)?;
        Ok(at_least(graph, lack, 0.0)?.into())
    }
}

impl Rule for InfoNce {
    const NAME: &'static str = "info_nce";

    fn targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
        check_parts(self, output, 2, "of two views of an example")?;
        Ok(None)
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check_range(self, "temperature", self.temperature, self.temperature > 0.0, "greater than 0")?;
        let graph = &mut *at.graph;
        let (first, second) = (part(graph, at.output, 0)?, part(graph, at.output, 1)?);
        let (first, second) = (normalized(graph, first)?, normalized(graph, second)?);
        let scaled = graph.scale(first, 1.0 / self.temperature)?;
        let loss = graph.info_nce(scaled, second)?;
        if !self.symmetric {
            return Ok(loss.into());
        }
        let back = graph.info_nce(second, scaled)?;
        let sum = graph.add(loss, back)?;
        Ok(graph.scale(sum, 0.5)?.into())
    }
}
