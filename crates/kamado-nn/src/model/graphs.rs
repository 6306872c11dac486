//! The graphs of a model: prediction, evaluation, training.

use kamado_graph::graph::{Graph, NodeId, Role, Update, VariableId, VariableInfo};
use kamado_graph::shape::{Shape, TensorType};
use kamado_graph::update::{MovingAverage, Settings, UpdateRule};

use super::forward::{Forward, forward};
use super::objective::{AddedLoss, Objective};
use super::{Model, ModelSpec};
use crate::error::NnError;
use crate::layers::Mode;
use crate::optimizers::Optimizer;

/// What a training step does.
#[derive(Clone, PartialEq, Debug)]
pub struct TrainingSpec {
    /// What it makes small.
    pub loss: Objective,
    /// How weights follow their gradients.
    pub optimizer: Optimizer,
    /// If given, a moving average of every weight and moving statistic is kept, of which a step keeps this share, such as
    /// 0.999; less in the first steps, see [`MovingAverage`].
    pub ema: Option<f64>,
}

impl TrainingSpec {
    /// Training without averaged weights.
    pub fn new(loss: impl Into<Objective>, optimizer: impl Into<Optimizer>) -> Self {
        TrainingSpec { loss: loss.into(), optimizer: optimizer.into(), ema: None }
    }
}

/// An input of a graph that takes what the model should have said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The name under which it is fed: `labels`, or `labels.<output>` if the model has several outputs.
    pub name: String,
    /// Integers for sparse labels, otherwise floats of the output's shape.
    pub ty: TensorType,
}

/// A graph of a model.
///
/// Inputs: those of the model by name, and the targets. Variables: those of the model, first and in its order; then,
/// when training, averaged weights named `ema.<weight>` and the optimiser's slots named
/// `<optimizer>.<weight>.<slot>`. Outputs: `prediction`, or `prediction.<output>` for each of several; in graphs with
/// a loss also `loss`, see [`Objective`]; `loss_per_example`, `[B]`, without sample weights; and, where padding or an
/// ignored class does not count, `loss_counts`, which is 1 at the places that `loss` is the mean over and 0 elsewhere.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelGraph {
    /// The graph.
    pub graph: Graph,
    /// What to feed besides the model's inputs; empty for prediction.
    pub targets: Vec<Target>,
    /// The type of the input `sample_weight`, if the objective has sample weights.
    pub sample_weight: Option<TensorType>,
    /// The shape of the losses of the first output: `[B]`, or one for each time step or pixel, `[B, …]`. Without a loss,
    /// `[B]`.
    pub places: Shape,
}

/// The prefix of the names of averaged weights.
const EMA: &str = "ema.";

impl ModelGraph {
    /// The value that each of the graph's variables starts with: the model's weights; for averaged weights, the weight;
    /// what the rule says for the optimiser's slots, mostly zero.
    ///
    /// # Panics
    /// If the graph is another model's.
    pub fn initial_values(&self, model: &Model) -> Vec<Vec<f32>> {
        let start = |(index, info): (usize, &VariableInfo)| {
            let size = info.shape.iter().product();
            if info.role == Role::Slot {
                return vec![self.graph.slot_start(VariableId(index as u32)) as f32; size];
            }
            let weight = model.variable(info.name.strip_prefix(EMA).unwrap_or(&info.name));
            match weight.map(|v| &v.value) {
                Some(value) if value.len() == size => value.clone(),
                _ => panic!("the graph has a weight {:?} of shape {:?}, which the model lacks", info.name, info.shape),
            }
        };
        self.graph.variables().iter().enumerate().map(start).collect()
    }

    /// The positions of each averaged weight and of its weight in the graph's variables.
    pub fn averaged(&self) -> Vec<(usize, usize)> {
        let variables = self.graph.variables();
        let weight = |name: &str| variables.iter().position(|v| v.name == name);
        let pair = |(i, v): (usize, &VariableInfo)| Some((i, weight(v.name.strip_prefix(EMA)?)?));
        variables.iter().enumerate().filter_map(pair).collect()
    }
}

impl Model {
    /// See [`ModelSpec::inference_graph`].
    ///
    /// # Errors
    /// As there.
    pub fn inference_graph(&self) -> Result<ModelGraph, NnError> {
        self.spec.inference_graph()
    }

    /// See [`ModelSpec::evaluation_graph`].
    ///
    /// # Errors
    /// As there.
    pub fn evaluation_graph(&self, objective: impl Into<Objective>) -> Result<ModelGraph, NnError> {
        self.spec.evaluation_graph(objective)
    }

    /// See [`ModelSpec::training_graph`].
    ///
    /// # Errors
    /// As there.
    pub fn training_graph(&self, training: &TrainingSpec) -> Result<ModelGraph, NnError> {
        self.spec.training_graph(training)
    }
}

impl ModelSpec {
    /// The graph up to the predictions, as the model computes them while training or in use; without targets, gradients
    /// and updates.
    ///
    /// # Errors
    /// If the model is not possible, naming the layer.
    pub fn forward_graph(&self, mode: Mode) -> Result<ModelGraph, NnError> {
        let mut forward = forward(self, mode)?;
        self.set_predictions(&mut forward);
        Ok(ModelGraph { graph: forward.graph, targets: Vec::new(), sample_weight: None, places: Shape::batched(&[]) })
    }

    /// The graph for prediction.
    ///
    /// # Errors
    /// If the model is not possible, naming the layer.
    pub fn inference_graph(&self) -> Result<ModelGraph, NnError> {
        self.forward_graph(Mode::Inference)
    }

    /// The graph for evaluation: prediction and loss, without dropout and with moving statistics.
    ///
    /// # Errors
    /// If the model is not possible, naming the layer, or the loss does not fit its output.
    pub fn evaluation_graph(&self, objective: impl Into<Objective>) -> Result<ModelGraph, NnError> {
        let mut forward = forward(self, Mode::Inference)?;
        let AddedLoss { targets, sample_weight, places, .. } = self.add_loss(&mut forward, &objective.into())?;
        Ok(ModelGraph { graph: forward.graph, targets, sample_weight, places })
    }

    /// The graph of a training step: prediction, loss, the gradient of every weight, and the updates.
    ///
    /// # Errors
    /// If the model is not possible, naming the layer; if the loss does not fit its output; if a setting of the
    /// optimiser is out of range; if no gradient reaches a weight, naming it.
    pub fn training_graph(&self, training: &TrainingSpec) -> Result<ModelGraph, NnError> {
        check(training)?;
        let mut forward = forward(self, Mode::Training)?;
        let AddedLoss { loss, targets, sample_weight, places } = self.add_loss(&mut forward, &training.loss)?;
        let Forward { mut graph, weights, .. } = forward;
        let trainable = trainable(&graph)?;
        let reads = trainable.iter().map(|&id| graph.read(id)).collect::<Result<Vec<_>, _>>()?;
        let gradients = graph.gradients(loss, &reads)?;
        if let Some(momentum) = training.ema {
            // Moving statistics too: those of the weights as they are do not fit the averaged ones.
            for weight in (0..graph.variables().len() as u32).map(VariableId) {
                let value = graph.read(weight)?;
                average(&mut graph, weight, momentum, value, training.optimizer.options.every());
            }
        }
        training.optimizer.follow(&mut graph, &trainable, gradients)?;
        for (variable, momentum, value) in weights.averages {
            let rule = UpdateRule::MovingAverage(MovingAverage { momentum, warm_up: false });
            let settings = Settings::default();
            graph.add_update(Update { rule, variable, slots: Vec::new(), value, settings });
        }
        Ok(ModelGraph { graph, targets, sample_weight, places })
    }

    pub(super) fn set_predictions(&self, forward: &mut Forward) {
        for (name, &node) in self.outputs.iter().zip(&forward.outputs) {
            forward.graph.set_output(&self.numbered("prediction", name), node);
        }
    }

    /// `what`, or `what.<output>` if there are several outputs.
    pub(super) fn numbered(&self, what: &str, output: &str) -> String {
        if self.outputs.len() == 1 { what.to_owned() } else { format!("{what}.{output}") }
    }
}

/// Refuses settings of the optimiser and of averaging that are out of range.
pub(super) fn check(training: &TrainingSpec) -> Result<(), NnError> {
    training.optimizer.update_rule()?;
    match training.ema.filter(|m| !(0.0..1.0).contains(m)) {
        None => Ok(()),
        Some(momentum) => {
            let problem = format!("expected at least 0 and less than 1, got {momentum}");
            Err(NnError::Optimizer { place: "ema".into(), problem })
        }
    }
}

/// The weights that training changes.
pub(super) fn trainable(graph: &Graph) -> Result<Vec<VariableId>, NnError> {
    let variables = graph.variables().iter().enumerate().filter(|(_, v)| v.role == Role::Trainable);
    let trainable: Vec<_> = variables.map(|(i, _)| VariableId(i as u32)).collect();
    if trainable.is_empty() {
        return Err(NnError::Model("has no weights to train; add a layer that has some, such as dense".into()));
    }
    Ok(trainable)
}

/// Adds the averaged twin of a weight, which takes it in whenever the weight is updated.
pub(super) fn average(graph: &mut Graph, weight: VariableId, momentum: f64, value: NodeId, every: u64) {
    let VariableInfo { name, shape, .. } = graph.variables()[weight.index()].clone();
    let variable = graph.declare(VariableInfo { name: format!("{EMA}{name}"), shape, role: Role::NonTrainable });
    let rule = UpdateRule::MovingAverage(MovingAverage { momentum, warm_up: true });
    let settings = Settings { every, ..Settings::default() };
    graph.add_update(Update { rule, variable, slots: Vec::new(), value, settings });
}
