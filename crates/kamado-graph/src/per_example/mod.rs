//! Gradients of single examples: their norms, and their sum after each is made short.
//!
//! From losses `[B]` come, by one backward pass, the gradients `gᵢ` of all examples' losses as they lie hidden in the
//! products that end at the weights; the squared norm `‖gᵢ‖²` by a rule for each operator; factors `cᵢ` that make every
//! gradient at most as long as a bound; and `Σ cᵢ gᵢ`, for which the gradients at the outputs of layers are scaled before
//! the product with the layers' inputs. There is no second pass. It is a transform of graphs: no layer knows of it.
//!
//! An example whose gradient is not finite, or too long for its square to be, counts as if it were not there.
//!
//! Rounding: no factor is larger than the bound allows. Norms that come from products of many terms, which can cancel, are
//! raised by what rounding may have hidden.
//!
//! Sources: Abadi et al., "Deep learning with differential privacy", 2016; Li et al., "Large language models can be strong
//! differentially private learners", 2022 (norms from Gram matrices); Bu et al., "Differentially private optimization on
//! large model at small cost", 2023 (one backward pass); Bu et al., "Automatic clipping", 2023.

mod contraction;
mod norms;
mod separate;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::error::GraphError;
use crate::graph::{Graph, NodeId, VariableId};
use crate::shape::{Dim, Shape};
use norms::{Route, elements};

/// How gradients are made short.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clipping {
    /// `min(1, C / ‖g‖)`, with the norm over all weights.
    #[default]
    Flat,
    /// The same for the weights of each layer, with the bound `C / √layers`.
    PerLayer,
    /// `C / (‖g‖ + 0.01)`: every gradient is brought to about the same length.
    Automatic,
}

/// The bound on the gradient of an example.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Clip {
    /// How gradients are made short.
    pub clipping: Clipping,
    /// The greatest length, C, above 0.
    pub norm: f64,
}

/// The nodes that [`Graph::clipped_gradients`] adds.
#[derive(Clone, PartialEq, Debug)]
pub struct ClippedGradients {
    /// For each variable `Σ cᵢ gᵢ`, of its shape.
    pub sums: Vec<NodeId>,
    /// `‖gᵢ‖²` over all variables, `[B]`; not finite where an example does not count.
    pub squared_norms: NodeId,
    /// 1 where an example counts, else 0, `[B]`.
    pub counted: NodeId,
}

/// The largest finite square of a norm; f32 ends at 3.4e38.
const LARGEST: f64 = 3.3e38;
/// Factors are this much smaller than the bound allows, for the rounding of the sum.
const MARGIN: f64 = 1.0 + 1.0 / (1u32 << 18) as f64;
/// What automatic clipping adds to norms.
const STABILITY: f64 = 0.01;

impl Graph {
    /// Adds the nodes that compute, for each of `variables`, the sum of the gradients of `losses [B]`, each made short by
    /// its own factor. Examples where `present [B]` is 0 do not count, such as those that fill up a batch.
    ///
    /// # Errors
    /// [`GraphError::Examples`] if an operator mixes the examples of a batch, or the gradient of a variable ends in one
    /// without a rule for norms; otherwise as [`Graph::gradients`].
    pub fn clipped_gradients(
        &mut self,
        losses: NodeId,
        variables: &[VariableId],
        present: Option<NodeId>,
        clip: Clip,
    ) -> Result<ClippedGradients, GraphError> {
        if *self.shape(losses) != Shape::batched(&[]) {
            let why = format!("expects one loss for each example, [B], got {}", self.shape(losses));
            return Err(self.refuse("clipped_gradients", why));
        }
        let reads = variables.iter().map(|&id| self.read(id)).collect::<Result<Vec<_>, _>>()?;
        let total = self.sum(losses, &[0], false)?;
        let gradients = self.gradients(total, &reads)?;
        self.expect_separate(&gradients)?;
        let outer = self.set_scope("clip");
        let layers = match clip.clipping {
            Clipping::PerLayer => self.layers_of(variables),
            Clipping::Flat | Clipping::Automatic => vec![0; variables.len()],
        };
        let mut clipper = Clipper { graph: self, gated: HashMap::new() };
        let added = clipper.clip(&gradients, &layers, present, clip)?;
        self.set_scope(outer);
        Ok(added)
    }

    /// The number of the layer of each variable: what its name says before the last dot.
    fn layers_of(&self, variables: &[VariableId]) -> Vec<usize> {
        let mut layers: Vec<&str> = Vec::new();
        let number = |id: &VariableId| {
            let name = self.variables[id.index()].name.as_str();
            let layer = name.rsplit_once('.').map_or(name, |(layer, _)| layer);
            layers.iter().position(|known| *known == layer).unwrap_or_else(|| {
                layers.push(layer);
                layers.len() - 1
            })
        };
        variables.iter().map(number).collect()
    }
}

/// The factors of examples, `[B]`.
#[derive(Clone, Copy)]
struct Factors {
    /// How much of its gradient an example contributes.
    share: NodeId,
    /// 1 where it contributes anything, else 0.
    counted: NodeId,
}

/// Adds the nodes of one transform.
struct Clipper<'g> {
    graph: &'g mut Graph,
    /// Values that were multiplied by factors.
    gated: HashMap<(NodeId, NodeId), NodeId>,
}

impl Clipper<'_> {
    fn clip(
        &mut self,
        gradients: &[NodeId],
        layers: &[usize],
        present: Option<NodeId>,
        clip: Clip,
    ) -> Result<ClippedGradients, GraphError> {
        let routes = gradients.iter().map(|&g| self.route(g)).collect::<Result<Vec<_>, _>>()?;
        let count = layers.iter().max().map_or(1, |last| last + 1);
        let squares = (0..count)
            .map(|layer| {
                let of_layer = layers.iter().zip(&routes).filter(|(l, _)| **l == layer).map(|(_, r)| r.squared_norm);
                self.total(&of_layer.collect::<Vec<_>>())
            })
            .collect::<Result<Vec<_>, _>>()?;
        let squared_norms = self.total(&squares)?;
        let counted = self.counted(squared_norms, present)?;
        let bound = Clip { norm: clip.norm / (count as f64).sqrt(), ..clip };
        let factors = squares
            .iter()
            .map(|&square| Ok(Factors { share: self.share(square, counted, bound)?, counted }))
            .collect::<Result<Vec<_>, GraphError>>()?;
        let sums = gradients.iter().zip(&routes).zip(layers);
        let sums = sums.map(|((g, route), &layer)| self.sum(*g, route, factors[layer])).collect::<Result<_, _>>()?;
        Ok(ClippedGradients { sums, squared_norms, counted })
    }

    fn total(&mut self, terms: &[NodeId]) -> Result<NodeId, GraphError> {
        match terms {
            [] => self.graph.constant(0.0, Shape::batched(&[])),
            [first, rest @ ..] => rest.iter().try_fold(*first, |sum, &term| self.graph.add(sum, term)),
        }
    }

    /// 1 where the norm is finite and the example present, else 0.
    fn counted(&mut self, square: NodeId, present: Option<NodeId>) -> Result<NodeId, GraphError> {
        let largest = self.graph.constant(LARGEST, Shape::scalar())?;
        let room = self.graph.sub(largest, square)?;
        // The step of NaN is 0.
        let finite = self.graph.step(room)?;
        present.map_or(Ok(finite), |present| self.graph.gate(finite, present))
    }

    /// The factor of each example.
    fn share(&mut self, square: NodeId, counted: NodeId, clip: Clip) -> Result<NodeId, GraphError> {
        let graph = &mut *self.graph;
        let finite = graph.gate(square, counted)?;
        let norm = graph.sqrt(finite)?;
        let norm = graph.scale(norm, MARGIN)?;
        let bound = graph.constant(clip.norm, Shape::scalar())?;
        let divisor = match clip.clipping {
            Clipping::Flat | Clipping::PerLayer => graph.maximum(norm, bound)?,
            Clipping::Automatic => {
                let stability = graph.constant(STABILITY, Shape::scalar())?;
                graph.add(norm, stability)?
            }
        };
        let share = graph.div(bound, divisor)?;
        graph.gate(share, counted)
    }

    /// The sum of the gradients of a variable, each times its factor.
    fn sum(&mut self, gradient: NodeId, route: &Route, factors: Factors) -> Result<NodeId, GraphError> {
        match &route.each {
            Some(each) => self.weighted_sum(*each, factors),
            None => {
                let mut replaced = HashMap::new();
                for &contraction in &route.contractions {
                    replaced.insert(contraction, self.scaled(contraction, factors)?);
                }
                self.rebuilt(gradient, &replaced)
            }
        }
    }

    /// `Σᵢ cᵢ xᵢ` of what is kept for each example, `[B, …]`.
    fn weighted_sum(&mut self, each: NodeId, factors: Factors) -> Result<NodeId, GraphError> {
        let shape = Shape(self.graph.shape(each)[1..].to_vec());
        let rows = self.graph.reshape(each, Shape::batched(&[elements(&shape)]))?;
        let weighted = self.times(rows, factors.share)?;
        let sum = self.graph.sum(weighted, &[0], false)?;
        self.graph.reshape(sum, shape)
    }

    /// `x [nB, …]`, each example times its factor `[B]`; exactly 0 where that is 0.
    fn times(&mut self, x: NodeId, factor: NodeId) -> Result<NodeId, GraphError> {
        if let Some(&known) = self.gated.get(&(x, factor)) {
            return Ok(known);
        }
        // As rows: of all ways to broadcast, a factor for each row is the fastest.
        let shape = self.graph.shape(x).clone();
        let rows = self.graph.reshape(x, Shape::batched(&[elements(&shape)]))?;
        let factors = self.graph.reshape(factor, Shape(vec![Dim::B, Dim::ONE]))?;
        let product = self.graph.gate(rows, factors)?;
        let product = self.graph.reshape(product, shape)?;
        self.gated.insert((x, factor), product);
        Ok(product)
    }
}
