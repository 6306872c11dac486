//! What training makes small, and its nodes.

use std::collections::BTreeMap;

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::{Shape, TensorType};

use super::ModelSpec;
use super::forward::Forward;
use super::graphs::Target;
use crate::error::NnError;
use crate::losses::{Each, Loss};

/// What training makes small: the sum over the model's outputs of weight · loss.
///
/// The loss of an output is `Σ counts · weight · loss / Σ counts` over the places of the batch that have a loss: examples, or
/// time steps of examples. `counts` is 0 for padding, as far as the model knows a mask of its output, and for an ignored
/// class, otherwise 1. So a padded sequence counts for its real time steps and a batch of sequences of unequal lengths
/// for all of theirs, as in Keras 3 and with PyTorch's `ignore_index`. Sample weights are not in the divisor, as in Keras;
/// PyTorch divides by the sum of its class weights.
#[derive(Clone, PartialEq, Debug)]
pub struct Objective {
    /// The loss of every output that `losses` does not name.
    pub loss: Loss,
    /// The losses of outputs, by the name of the output.
    pub losses: BTreeMap<String, Loss>,
    /// The weights of outputs, by the name of the output; 1 for others.
    pub loss_weights: BTreeMap<String, f64>,
    /// If given, the graph has an input `sample_weight` whose numbers multiply losses.
    pub sample_weight: Option<SampleWeight>,
}

/// What has a weight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SampleWeight {
    /// Every example: `[B]`.
    PerExample,
    /// Every time step of every example: `[B, T]`.
    PerStep,
}

impl From<Loss> for Objective {
    fn from(loss: Loss) -> Self {
        Objective { loss, losses: BTreeMap::new(), loss_weights: BTreeMap::new(), sample_weight: None }
    }
}

impl From<&Loss> for Objective {
    fn from(loss: &Loss) -> Self {
        loss.clone().into()
    }
}

/// The nodes and inputs that a loss adds to a graph.
pub(super) struct AddedLoss {
    /// The loss of the batch.
    pub(super) loss: NodeId,
    pub(super) targets: Vec<Target>,
    pub(super) sample_weight: Option<TensorType>,
    /// The shape of the losses of the first output.
    pub(super) places: Shape,
}

/// The sums over outputs.
#[derive(Default)]
struct Totals {
    /// Of each example, `[B]`, without sample weights.
    examples: Option<NodeId>,
    /// Of the batch.
    batch: Option<NodeId>,
}

impl Objective {
    fn loss_of(&self, output: &str) -> &Loss {
        self.losses.get(output).unwrap_or(&self.loss)
    }

    /// The weight of an output; refuses numbers that cannot be one.
    fn weight_of(&self, output: &str) -> Result<f64, NnError> {
        match self.loss_weights.get(output).copied().unwrap_or(1.0) {
            weight if weight >= 0.0 && weight.is_finite() => Ok(weight),
            weight => {
                Err(NnError::Model(format!("the loss weight of output {output:?} must be at least 0, got {weight}")))
            }
        }
    }

    fn check_names(&self, outputs: &[String]) -> Result<(), NnError> {
        let unknown = self.losses.keys().chain(self.loss_weights.keys()).find(|name| !outputs.contains(name));
        match unknown {
            None => Ok(()),
            Some(name) => Err(NnError::Model(format!(
                "has no output {name:?} for a loss or a loss weight; its outputs are {}",
                outputs.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// The input `sample_weight` for losses of this shape.
    fn weight_type(&self, losses: &Shape, loss: &Loss) -> Result<Option<TensorType>, NnError> {
        let axes = match self.sample_weight {
            None => return Ok(None),
            Some(SampleWeight::PerExample) => 1,
            Some(SampleWeight::PerStep) if losses.rank() >= 2 => 2,
            Some(SampleWeight::PerStep) => {
                let problem = format!(
                    "weights per time step need a loss for each step, [B, T], but this model has losses {losses}; give one \
                     weight per example"
                );
                return Err(loss.error(problem));
            }
        };
        Ok(Some(TensorType::f32(Shape(losses[..axes].to_vec()))))
    }
}

impl ModelSpec {
    /// Adds targets and loss, and names the results `loss`, `loss_per_example` and, where not every place of the only
    /// output counts, `loss_counts`.
    pub(super) fn add_loss(&self, forward: &mut Forward, objective: &Objective) -> Result<AddedLoss, NnError> {
        objective.check_names(&self.outputs)?;
        self.set_predictions(forward);
        forward.graph.set_scope("loss");
        let (mut targets, mut totals, mut weights, mut places) = (Vec::new(), Totals::default(), None, None);
        for (i, name) in self.outputs.iter().enumerate() {
            let (output, mask, loss) = (forward.outputs[i], forward.masks[i], objective.loss_of(name));
            let graph = &mut forward.graph;
            let node = match loss.targets(graph.shape(output))? {
                Some(ty) => {
                    let target = Target { name: self.numbered("labels", name), ty };
                    let node = graph.input(&target.name, target.ty.clone())?;
                    targets.push(target);
                    Some(node)
                }
                None => None,
            };
            let each = loss.each(graph, output, node, mask)?;
            let weight = sample_weights(graph, objective, each, loss, &mut weights)?;
            totals.add(graph, each, weight, objective.weight_of(name)?)?;
            if let (Some(counts), 1) = (each.counts, self.outputs.len()) {
                graph.set_output("loss_counts", counts);
            }
            places.get_or_insert_with(|| graph.shape(each.loss).clone());
        }
        let graph = &mut forward.graph;
        let (examples, loss) = totals.finish(graph)?;
        graph.set_output("loss", loss);
        graph.set_output("loss_per_example", examples);
        graph.set_scope("");
        let sample_weight = weights.map(|weights| graph.node(weights).ty.clone());
        let places = places.unwrap_or_else(|| Shape::batched(&[]));
        Ok(AddedLoss { loss, targets, sample_weight, places })
    }
}

/// The weights of the places of a loss, broadcasting to them; the input is added for the first output.
fn sample_weights(
    graph: &mut Graph,
    objective: &Objective,
    each: Each,
    loss: &Loss,
    input: &mut Option<NodeId>,
) -> Result<Option<NodeId>, NnError> {
    let places = graph.shape(each.loss).clone();
    let Some(ty) = objective.weight_type(&places, loss)? else { return Ok(None) };
    let weights = match *input {
        Some(weights) if graph.node(weights).ty == ty => weights,
        Some(weights) => {
            let have = &graph.node(weights).ty;
            return Err(loss.error(format!("sample weights {ty} do not fit another output, which takes {have}")));
        }
        None => *input.insert(graph.input("sample_weight", ty.clone())?),
    };
    let behind: Vec<usize> = (ty.shape.rank()..places.rank()).collect();
    Ok(Some(graph.restore_axes(weights, &behind, false)?))
}

impl Totals {
    /// Adds an output's loss, with the weights of its places and its own.
    fn add(&mut self, graph: &mut Graph, each: Each, weights: Option<NodeId>, factor: f64) -> Result<(), NnError> {
        let examples = each.per_example(graph)?;
        let batch = match (each.counts, weights) {
            (None, None) => graph.mean(examples, &[0], false)?,
            (_, weights) => {
                let loss = weights.map_or(Ok(each.loss), |weights| graph.mul(each.loss, weights))?;
                let axes: Vec<usize> = (0..graph.shape(loss).rank()).collect();
                Each { loss, ..each }.mean_over(graph, &axes)?
            }
        };
        for (total, term) in [(&mut self.examples, examples), (&mut self.batch, batch)] {
            let term = if factor == 1.0 { term } else { graph.scale(term, factor)? };
            *total = Some(match *total {
                Some(sum) => graph.add(sum, term)?,
                None => term,
            });
        }
        Ok(())
    }

    fn finish(self, graph: &mut Graph) -> Result<(NodeId, NodeId), NnError> {
        match (self.examples, self.batch) {
            (Some(examples), Some(batch)) => Ok((examples, batch)),
            _ => Ok((graph.constant(0.0, Shape::batched(&[]))?, graph.constant(0.0, Shape::scalar())?)),
        }
    }
}
