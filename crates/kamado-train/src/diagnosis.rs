//! Where the first number of a run appeared that is not finite.
//!
//! When a loss is no number any more, the weights before the step are gone. But a run can be repeated bit by bit: from its last
//! checkpoint, or from its start, up to the first step after which some weight or loss is not finite. That step is then
//! computed once more from the weights before it, keeping every result.

use std::fmt;
use std::time::{Duration, Instant};

use kamado_data::Dataset;
use kamado_engine::{Feed, Fusion, Session, Store};
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::shape::DType;
use kamado_graph::update::StepInfo;

use crate::checkpoint::Checkpoint;
use crate::error::TrainError;
use crate::fit::Fit;
use crate::steps::Steps;
use crate::trainer::Trainer;

/// Repeating a run is given up after this time.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where the first number of a run appeared that is not finite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The epoch, from one.
    pub epoch: usize,
    /// The step of the epoch, from one.
    pub step: usize,
    /// The part of the step.
    pub place: Place,
}

/// A part of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// What is fed: the examples themselves.
    Input {
        /// The name of the input.
        name: String,
        /// The number of the example in the training data, from 0.
        example: usize,
    },
    /// A result of the forward pass.
    Forward(Node),
    /// A result of the backward pass: a gradient, or what becomes of it.
    Backward(Node),
    /// The new value of a variable, though its gradient was finite.
    Update(String),
}

/// A node of the graph of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// The layer that it belongs to.
    pub layer: String,
    /// Its operator.
    pub operator: &'static str,
    /// Its number in the graph.
    pub number: usize,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Node { layer, operator, number } = self;
        write!(f, "{operator} of layer {layer:?} (node %{number})")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { epoch, step, place } = self;
        write!(f, "The first number that is not finite appeared in epoch {epoch}, step {step}: ")?;
        match place {
            Place::Input { name, example } => write!(f, "in input {name:?}, example {example} of the training data"),
            Place::Forward(node) => write!(f, "in the forward pass, as the result of {node}"),
            Place::Backward(node) => write!(f, "in the backward pass, as the result of {node}"),
            Place::Update(variable) => write!(f, "in the update of {variable}"),
        }
    }
}

impl Origin {
    /// What to do, where it is not the usual.
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        match self.place {
            Place::Input { .. } => Some("Clean the data: every number must be finite"),
            Place::Backward(_) => Some("Clip gradients (global_clipnorm = 1.0), or use a smaller learning rate"),
            Place::Forward(_) | Place::Update(_) => None,
        }
    }
}

/// Looks for the origin by repeating the run of `trainer`, which must be as it was before the run, up to `until` steps.
///
/// # Errors
/// If a step cannot be taken, for another reason than its numbers.
pub(crate) fn search(
    trainer: &Trainer,
    train: &Dataset,
    fit: &Fit<'_>,
    from: Option<&Checkpoint>,
    until: u64,
) -> Result<Option<Origin>, TrainError> {
    let mut steps = Steps::new(trainer, train, fit)?;
    let (mut epoch, mut step) = (1, 0);
    if let Some(checkpoint) = from {
        steps.restore(checkpoint)?;
        (epoch, step) = checkpoint.position();
    }
    let begun = Instant::now();
    while steps.taken < until && begun.elapsed() < PATIENCE {
        let mut batches = steps.loader.epoch_from(epoch as u64 - 1, step * steps.loader.batch_size());
        while let Some(n) = steps.fetch(&mut batches)? {
            let learning_rate = trainer.optimizer.learning_rate_at(steps.taken, steps.total);
            let info = StepInfo { seed: fit.seed, step: steps.taken, learning_rate };
            let before = steps.store.clone();
            let loss = steps.take(n, &info)?;
            step += 1;
            let spoilt = first_spoilt(&steps.store, steps.session.graph());
            if !loss.is_finite() || spoilt.is_some() {
                let place = steps.probe(trainer, before, n, &info, batches.examples())?;
                return Ok(place.or(spoilt.map(Place::Update)).map(|place| Origin { epoch, step, place }));
            }
        }
        (epoch, step) = (epoch + 1, 0);
    }
    Ok(None)
}

/// The first variable with a number that is not finite.
fn first_spoilt(store: &Store, graph: &Graph) -> Option<String> {
    let finite = |name: &str| store.get(name).unwrap_or_default().iter().all(|x| x.is_finite());
    graph.variables().iter().find(|variable| !finite(&variable.name)).map(|variable| variable.name.clone())
}

impl Steps {
    /// Computes the step with the examples that were fetched once more, keeping every result.
    fn probe(
        &self,
        trainer: &Trainer,
        mut store: Store,
        n: usize,
        info: &StepInfo,
        examples: &[usize],
    ) -> Result<Option<Place>, TrainError> {
        let feeds = self.targets.feeds(&self.x, self.weights.as_ref(), n);
        if let Some(place) = in_feeds(&feeds, examples) {
            return Ok(Some(place));
        }
        let mut graph = self.session.graph().clone();
        let loss = graph.output("loss").map_or(0, NodeId::index);
        let computed = |op: &Op| !matches!(op, Op::Input(_) | Op::Variable(_) | Op::Constant(_));
        let nodes: Vec<usize> = (0..graph.nodes().len())
            .filter(|&i| graph.nodes()[i].ty.dtype == DType::F32 && computed(&graph.nodes()[i].op))
            .collect();
        nodes.iter().for_each(|&i| graph.set_output(&format!("%{i}"), NodeId(i as u32)));
        let mut session = Session::with_fusion(&trainer.runtime, graph, &store, Fusion::Off)?;
        let outputs = session.run(&mut store, n, info, &feeds)?;
        let spoilt =
            |i: &usize| outputs.get(&format!("%{i}")).is_some_and(|values| values.iter().any(|x| !x.is_finite()));
        let first = nodes.iter().copied().find(|i| spoilt(i));
        Ok(first.map(|number| {
            let node = &self.session.graph().nodes()[number];
            let node = Node { layer: node.scope.clone(), operator: node.op.name(), number };
            if number <= loss { Place::Forward(node) } else { Place::Backward(node) }
        }))
    }
}

/// The first input with a number that is not finite.
fn in_feeds(feeds: &[(&str, Feed<'_>)], examples: &[usize]) -> Option<Place> {
    feeds.iter().find_map(|(name, feed)| {
        let Feed::F32(data) = feed else { return None };
        let at = data.iter().position(|x| !x.is_finite())?;
        let example = examples.get(at / (data.len() / examples.len().max(1)).max(1)).copied().unwrap_or(0);
        Some(Place::Input { name: (*name).to_owned(), example })
    })
}
