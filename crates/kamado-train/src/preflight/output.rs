//! The model's last activation against what the loss takes it for.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_nn::losses::Loss;

use super::Subject;
use super::finding::Finding;

/// What the model ends in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    Softmax,
    Sigmoid,
    /// Anything else, by the name of its operator.
    Other(&'static str),
}

/// What the model ends in; reshaping does not count.
pub(super) fn ending(graph: &Graph, output: NodeId) -> Ending {
    let node = graph.node(output);
    match &node.op {
        Op::Softmax(_) => Ending::Softmax,
        Op::Sigmoid(_) => Ending::Sigmoid,
        Op::Reshape(_) => ending(graph, node.inputs[0]),
        Op::Relu(_) => Ending::Other("a relu"),
        Op::Tanh(_) => Ending::Other("a tanh"),
        _ => Ending::Other("linear"),
    }
}

pub(super) fn check(subject: &Subject<'_>, output: NodeId) -> Vec<Finding> {
    let ending = ending(subject.graph, output);
    let finding = match *subject.loss {
        Loss::SparseCategoricalCrossentropy { from_logits } | Loss::CategoricalCrossentropy { from_logits } => {
            categorical(subject, ending, from_logits)
        }
        Loss::BinaryCrossentropy { from_logits } => binary(subject, ending, from_logits),
        Loss::MeanSquaredError {} | Loss::MeanAbsoluteError {} | Loss::Huber { .. } => regression(subject, ending),
    };
    finding.into_iter().collect()
}

fn categorical(subject: &Subject<'_>, ending: Ending, from_logits: bool) -> Option<Finding> {
    let (loss, units, place) = (subject.loss.name(), subject.units, subject.last_layer());
    match (ending, from_logits) {
        (Ending::Softmax, false) | (Ending::Other("linear"), true) => None,
        (Ending::Softmax, true) => {
            let what = format!("{loss} with from_logits = true applies a softmax, and the model ends in one: it would be applied twice");
            Some(Finding::error(place, what, "leave out from_logits, or remove the activation"))
        }
        // One unit is refused for the labels, with the better remedy.
        (Ending::Sigmoid, _) if units == 1 => None,
        (Ending::Sigmoid, _) => {
            let what = format!(
                "{loss} needs probabilities of classes that exclude each other, but the model ends in a sigmoid: \
                 {units} independent ones, which do not add up to 1"
            );
            Some(Finding::error(place, what, "activation = \"softmax\""))
        }
        (Ending::Other(what), false) => {
            let what = format!("{loss} takes the logarithm of probabilities, but the model's output is {what}: it can be negative and does not add up to 1");
            let remedy = match ending {
                Ending::Other("linear") => "activation = \"softmax\", or from_logits = true in the loss",
                _ => "activation = \"softmax\"",
            };
            Some(Finding::error(place, what, remedy))
        }
        (Ending::Other(what), true) => {
            let what = format!("{loss} with from_logits = true takes the output as logits, but it is {what}, which cuts part of their range off");
            Some(Finding::warning(place, what, "remove the activation"))
        }
    }
}

fn binary(subject: &Subject<'_>, ending: Ending, from_logits: bool) -> Option<Finding> {
    let (loss, place) = (subject.loss.name(), subject.last_layer());
    match (ending, from_logits) {
        (Ending::Sigmoid, false) | (Ending::Other("linear"), true) => None,
        (Ending::Sigmoid, true) => {
            let what = format!("{loss} with from_logits = true applies a sigmoid, and the model ends in one: it would be applied twice");
            Some(Finding::error(place, what, "leave out from_logits, or remove the activation"))
        }
        // Said where softmax layers are looked at.
        (Ending::Softmax, _) if subject.units == 1 => None,
        (Ending::Softmax, _) => {
            let what = format!("{loss} takes every output by itself, but the model ends in a softmax, whose outputs depend on each other");
            let remedy = "loss = \"sparse_categorical_crossentropy\" for classes, or activation = \"sigmoid\" for independent labels";
            Some(Finding::error(place, what, remedy))
        }
        (Ending::Other(what), false) => {
            let what = format!("{loss} takes the logarithm of a probability, but the model's output is {what}, which is not between 0 and 1");
            let remedy = match ending {
                Ending::Other("linear") => "activation = \"sigmoid\", or from_logits = true in the loss",
                _ => "activation = \"sigmoid\"",
            };
            Some(Finding::error(place, what, remedy))
        }
        (Ending::Other(what), true) => {
            let what = format!("{loss} with from_logits = true takes the output as a logit, but it is {what}, which cuts part of its range off");
            Some(Finding::warning(place, what, "remove the activation"))
        }
    }
}

/// Whether the output can reach the targets.
fn regression(subject: &Subject<'_>, ending: Ending) -> Option<Finding> {
    let (name, low, high) = match ending {
        Ending::Softmax => ("a softmax", 0.0, 1.0),
        Ending::Sigmoid => ("a sigmoid", 0.0, 1.0),
        Ending::Other(name @ "a relu") => (name, 0.0, f32::INFINITY),
        Ending::Other(name @ "a tanh") => (name, -1.0, 1.0),
        Ending::Other(_) => return None,
    };
    let outside = subject.targets().filter(|t| !(low..=high).contains(t)).count();
    let what = format!("the model ends in {name}, whose values are {low} to {high}, but {outside} targets of the training data are not");
    (outside > 0).then(|| Finding::warning(subject.last_layer(), what, "leave out the activation, or scale the targets"))
}
