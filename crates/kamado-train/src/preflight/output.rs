//! The model's last activation against what the loss takes it for.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_nn::losses::Expects;

use super::Subject;
use super::finding::Finding;

const LINEAR: &str = "linear";

/// What the model ends in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Softmax,
    Sigmoid,
    /// Anything else, by the name of its operator.
    Other(&'static str),
}

/// What the model ends in; a new shape does not count, unless it mixes the rows of a softmax.
pub(crate) fn ending(graph: &Graph, output: NodeId) -> Ending {
    let node = graph.node(output);
    match &node.op {
        Op::Softmax(_) => Ending::Softmax,
        Op::Sigmoid(_) => Ending::Sigmoid,
        Op::Reshape(_) => match ending(graph, node.inputs[0]) {
            Ending::Softmax if node.ty.shape.last() != graph.shape(node.inputs[0]).last() => {
                Ending::Other("a softmax whose rows were reshaped")
            }
            before => before,
        },
        Op::Relu(_) => Ending::Other("a relu"),
        Op::Tanh(_) => Ending::Other("a tanh"),
        _ => Ending::Other(LINEAR),
    }
}

pub(super) fn check(subject: &Subject<'_>, output: NodeId) -> Vec<Finding> {
    let ending = ending(subject.graph, output);
    let finding = match subject.loss.expects() {
        Expects::Softmax { from_logits } => probability(subject, Ending::Softmax, ending, from_logits),
        Expects::Sigmoid { from_logits } => probability(subject, Ending::Sigmoid, ending, from_logits),
        Expects::Scores => scores(subject, ending),
        Expects::Values => regression(subject, ending),
    };
    finding.into_iter().collect()
}

/// Whether the model ends as a cross-entropy needs it: in the function that makes probabilities of logits, or, with
/// `from_logits`, in none.
fn probability(subject: &Subject<'_>, needed: Ending, ending: Ending, from_logits: bool) -> Option<Finding> {
    let (loss, units, place) = (subject.loss.name(), subject.units, subject.last_layer());
    let (function, lack) = match needed {
        Ending::Softmax => ("softmax", "which can be negative and does not add up to 1"),
        _ => ("sigmoid", "which need not lie between 0 and 1"),
    };
    match (ending, from_logits) {
        (ending, false) if ending == needed => None,
        (Ending::Other(LINEAR), true) => None,
        (ending, true) if ending == needed => {
            let what = format!(
                "{loss} with from_logits = true applies a {function}, and the model ends in one: it would be applied \
                 twice"
            );
            Some(Finding::error(place, what, "leave out from_logits, or remove the activation"))
        }
        // Refused for its labels or for a softmax of one unit, with the better remedy.
        (Ending::Softmax | Ending::Sigmoid, _) if units == 1 => None,
        (Ending::Sigmoid, _) => {
            let what = format!(
                "{loss} needs probabilities of classes that exclude each other, but the model ends in a sigmoid: \
                 {units} independent ones, which do not add up to 1"
            );
            Some(Finding::error(place, what, "activation = \"softmax\""))
        }
        (Ending::Softmax, _) => {
            let what = format!(
                "{loss} takes every output by itself, but the model ends in a softmax, whose outputs depend on each \
                 other"
            );
            let remedy = "loss = \"sparse_categorical_crossentropy\" for classes, or activation = \"sigmoid\" for \
                          independent labels";
            Some(Finding::error(place, what, remedy))
        }
        (Ending::Other(output), false) => {
            let what = format!("{loss} takes the logarithm of a probability, but the output is {output}, {lack}");
            let or = if output == LINEAR { ", or from_logits = true in the loss" } else { "" };
            Some(Finding::error(place, what, format!("activation = {function:?}{or}")))
        }
        (Ending::Other(output), true) => {
            let what = format!(
                "{loss} with from_logits = true takes any number, but the output is {output}, which leaves out a part \
                 of them"
            );
            Some(Finding::warning(place, what, "remove the activation"))
        }
    }
}

/// Whether scores can keep their margin on both sides.
fn scores(subject: &Subject<'_>, ending: Ending) -> Option<Finding> {
    let name = match ending {
        Ending::Softmax => "a softmax",
        Ending::Sigmoid => "a sigmoid",
        Ending::Other(name @ "a relu") => name,
        Ending::Other(_) => return None,
    };
    let what = format!("{} wants scores of both signs, but the output is {name}, never below 0", subject.loss.name());
    Some(Finding::warning(subject.last_layer(), what, "leave out the activation"))
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
    let what = format!(
        "the model ends in {name}, whose values are {low} to {high}, but {outside} targets of the training data are not"
    );
    (outside > 0)
        .then(|| Finding::warning(subject.last_layer(), what, "leave out the activation, or scale the targets"))
}
