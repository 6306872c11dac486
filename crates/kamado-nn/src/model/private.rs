//! The graphs of private training: clipped gradients of a part of a batch, and the update by what comes of them.

use kamado_graph::graph::{Graph, NodeId, VariableId};
use kamado_graph::per_example::Clip;
use kamado_graph::shape::{Shape, TensorType};

use super::forward::{Forward, forward};
use super::graphs::{average, check, trainable};
use super::objective::AddedLoss;
use super::{Model, ModelGraph, ModelSpec, TrainingSpec};
use crate::error::NnError;
use crate::layers::Mode;

/// The two graphs of private training. Between them, the sums of all parts of a batch are added up and get their noise.
#[derive(Clone, PartialEq, Debug)]
pub struct PrivateGraphs {
    /// Takes a part of a batch, and `present [B]`, which is 0 for examples that only fill it up. Yields, besides
    /// `prediction` and `loss_per_example`, `sum.<weight>`: the sum of the examples' gradients, none longer than the
    /// bound; `squared_norms [B]` of them before; `counted [B]`, 0 for examples that do not count because their gradient is
    /// not finite.
    pub gradients: ModelGraph,
    /// Takes `gradient.<weight>` and updates the weights; its variables are those of a training graph.
    pub update: ModelGraph,
    /// The names of the weights that are trained.
    pub weights: Vec<String>,
}

impl Model {
    /// See [`ModelSpec::private_graphs`].
    ///
    /// # Errors
    /// As there.
    pub fn private_graphs(&self, training: &TrainingSpec, clip: Clip) -> Result<PrivateGraphs, NnError> {
        self.spec.private_graphs(training, clip)
    }
}

impl ModelSpec {
    /// The graphs of a private training step; see [`kamado_graph::per_example`].
    ///
    /// # Errors
    /// As [`ModelSpec::training_graph`]; and if a layer mixes the examples of a batch or has no rule for norms, naming it.
    pub fn private_graphs(&self, training: &TrainingSpec, clip: Clip) -> Result<PrivateGraphs, NnError> {
        check(training)?;
        let mut forward = forward(self, Mode::Training)?;
        let AddedLoss { targets, sample_weight, places, .. } = self.add_loss(&mut forward, &training.loss)?;
        let Forward { mut graph, .. } = forward;
        let variables = trainable(&graph)?;
        let losses =
            graph.output("loss_per_example").ok_or_else(|| NnError::Model("has no loss per example".into()))?;
        let present = graph.input("present", TensorType::f32(Shape::batched(&[])))?;
        let clipped = graph.clipped_gradients(losses, &variables, Some(present), clip)?;
        let weights: Vec<_> = variables.iter().map(|id| graph.variables()[id.index()].name.clone()).collect();
        for (name, &sum) in weights.iter().zip(&clipped.sums) {
            graph.set_output(&format!("sum.{name}"), sum);
        }
        graph.set_output("squared_norms", clipped.squared_norms);
        graph.set_output("counted", clipped.counted);
        let update = update(&graph, training, &variables)?;
        let gradients = ModelGraph { graph, targets, sample_weight, places };
        let update = ModelGraph { graph: update, targets: vec![], sample_weight: None, places: Shape::batched(&[]) };
        Ok(PrivateGraphs { gradients, update, weights })
    }
}

/// The graph that follows given gradients.
fn update(step: &Graph, training: &TrainingSpec, weights: &[VariableId]) -> Result<Graph, NnError> {
    let mut graph = Graph::new();
    for info in step.variables() {
        graph.declare(info.clone());
    }
    if let Some(momentum) = training.ema {
        for weight in (0..step.variables().len() as u32).map(VariableId) {
            let value = graph.read(weight)?;
            average(&mut graph, weight, momentum, value, training.optimizer.options.every());
        }
    }
    let gradient = |id: &VariableId| {
        let info = &step.variables()[id.index()];
        graph.input(&format!("gradient.{}", info.name), TensorType::f32(Shape::fixed(&info.shape)))
    };
    let gradients: Vec<NodeId> = weights.iter().map(gradient).collect::<Result<_, _>>()?;
    training.optimizer.follow(&mut graph, weights, gradients)?;
    Ok(graph)
}
