//! From a model's output back to its logits.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::shape::Shape;

use super::{Expects, Rule, Site, error};
use crate::error::NnError;

/// The logits behind a model's output, as the loss expects them.
pub(super) fn logits<R: Rule>(rule: &R, at: &mut Site<'_>) -> Result<NodeId, NnError> {
    let (function, softmax, from_logits) = match rule.expects() {
        Expects::Sigmoid { from_logits } => ("sigmoid", false, from_logits),
        Expects::Softmax { from_logits } => ("softmax", true, from_logits),
        Expects::Scores | Expects::Values => return Ok(at.output),
    };
    match (before(at.graph, at.output, softmax)?, from_logits) {
        (Some(logits), false) => Ok(logits),
        (None, true) => Ok(at.output),
        (None, false) => Err(error(
            rule,
            format!(
                "the model's output is {}, not a {function}, so it is no probability; give the last layer activation = \
                 {function:?}, or set from_logits = true",
                described(at.graph, at.output)
            ),
        )),
        (Some(_), true) => Err(error(
            rule,
            format!(
                "from_logits = true, but the model ends in a {function}, which would be applied twice; remove that \
                 activation, or leave from_logits out"
            ),
        )),
    }
}

/// The input of the softmax or sigmoid that yields `output`, in the output's shape.
fn before(graph: &mut Graph, output: NodeId, softmax: bool) -> Result<Option<NodeId>, NnError> {
    let node = graph.node(output).clone();
    match node.op {
        Op::Softmax(_) if softmax => Ok(Some(node.inputs[0])),
        Op::Sigmoid(_) if !softmax => Ok(Some(node.inputs[0])),
        Op::Reshape(reshape) if !softmax || same_rows(&reshape.shape, graph.shape(node.inputs[0])) => {
            let logits = before(graph, node.inputs[0], softmax)?;
            Ok(logits.map(|x| graph.reshape(x, reshape.shape)).transpose()?)
        }
        _ => Ok(None),
    }
}

fn same_rows(a: &Shape, b: &Shape) -> bool {
    a.last() == b.last()
}

fn described(graph: &Graph, output: NodeId) -> String {
    match graph.node(output).op.name() {
        name @ ("softmax" | "sigmoid" | "tanh" | "relu") => format!("a {name}"),
        _ => "linear".to_owned(),
    }
}
