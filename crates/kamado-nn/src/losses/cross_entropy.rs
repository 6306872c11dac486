//! From a model's output back to its logits.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::shape::Shape;

use super::Loss;
use crate::error::NnError;

/// The logits behind a model's output.
pub(super) fn logits(loss: &Loss, graph: &mut Graph, output: NodeId, from_logits: bool) -> Result<NodeId, NnError> {
    let (function, softmax) = match loss {
        Loss::BinaryCrossentropy { .. } => ("sigmoid", false),
        _ => ("softmax", true),
    };
    match (before(graph, output, softmax)?, from_logits) {
        (Some(logits), false) => Ok(logits),
        (None, true) => Ok(output),
        (None, false) => Err(loss.error(format!(
            "the model's output is {}, not a {function}, so it is no probability; give the last layer \
             activation = {function:?}, or set from_logits = true",
            described(graph, output)
        ))),
        (Some(_), true) => Err(loss.error(format!(
            "from_logits = true, but the model ends in a {function}, which would be applied twice; remove that \
             activation, or leave from_logits out"
        ))),
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
