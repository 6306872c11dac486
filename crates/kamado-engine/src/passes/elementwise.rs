//! Fuses chains of elementwise operators, and a reduction at their end, into one pass over memory.
//!
//! A producer joins if it has the shape of the chain and all who read it are in the chain. Constants and broadcasts
//! are never stored for the sake of a chain: the chain reads them under its own index.

use std::collections::BTreeSet;

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::shape::Shape;
use kamado_kernels::elementwise::Program;

use super::{attention, is_source};
use crate::arena::MAX_READS;
use crate::group::{Group, Kind};
use crate::uses::{Uses, storage};

/// What an operand of a chain is, once broadcasts are seen through.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Source {
    /// A number.
    Constant(f64),
    /// The value of a node, whose shape broadcasts to that of the chain.
    Node(NodeId),
}

impl Source {
    /// Sees through broadcasts.
    pub(crate) fn of(graph: &Graph, id: NodeId) -> Source {
        match &graph.node(id).op {
            Op::Expand(_) => Source::of(graph, graph.node(id).inputs[0]),
            Op::Constant(constant) => Source::Constant(constant.value),
            _ => Source::Node(id),
        }
    }
}

/// Whether a chain can contain the operator.
fn is_elementwise(op: &Op) -> bool {
    use Op::*;
    matches!(
        op,
        Add(_)
            | Sub(_)
            | Mul(_)
            | Div(_)
            | Maximum(_)
            | Minimum(_)
            | Gate(_)
            | Neg(_)
            | Abs(_)
            | Sign(_)
            | Step(_)
            | Square(_)
            | Sqrt(_)
            | Exp(_)
            | Log(_)
            | Relu(_)
            | Sigmoid(_)
            | Tanh(_)
            | Atan(_)
            | Cos(_)
            | Elu(_)
            | Erf(_)
            | Gelu(_)
            | GeluSlope(_)
            | LeakyRelu(_)
            | Silu(_)
            | RoundBf16(_)
            | Sin(_)
            | Softplus(_)
            | Scale(_)
            | StopGradient(_)
            | SigmoidCrossEntropy(_)
            | ChannelAffine(_)
            | DropoutMask(_)
            | Uniform(_)
            | Constant(_)
            | Expand(_)
    )
}

/// The group of `last` alone.
pub(super) fn alone(graph: &Graph, last: NodeId) -> Group {
    group(graph, last, BTreeSet::from([last]))
}

/// The longest chain that ends in `last`.
pub(super) fn find(graph: &Graph, uses: &Uses, last: NodeId) -> Group {
    let node = graph.node(last);
    let reduces = matches!(node.op, Op::Sum(_) | Op::Max(_));
    if !reduces && !is_elementwise(&node.op) {
        return alone(graph, last);
    }
    let shape: Shape = if reduces { graph.shape(node.inputs[0]).clone() } else { node.ty.shape.clone() };
    let mut members = BTreeSet::from([last]);
    let mut candidates: BTreeSet<NodeId> = node.inputs.iter().copied().collect();
    // Users come after their inputs, so that when a candidate is taken all who read it have been decided.
    while let Some(id) = candidates.pop_last() {
        let candidate = graph.node(id);
        let joins = is_elementwise(&candidate.op)
            && !matches!(candidate.op, Op::Constant(_) | Op::Expand(_))
            && candidate.ty.shape == shape
            && !uses.is_result(id)
            && uses.users(id).iter().all(|user| members.contains(user));
        // The bounds leave room for what one more member can bring.
        let fits = members.len() + reads(graph, &members).len() + 3 <= Program::MAX_INSTRS / 2
            && reads(graph, &members).len() + 2 <= MAX_READS;
        if joins && fits {
            members.insert(id);
            candidates.extend(candidate.inputs.iter().copied());
        }
    }
    group(graph, last, members)
}

fn group(graph: &Graph, last: NodeId, mut members: BTreeSet<NodeId>) -> Group {
    let node = graph.node(last);
    if let Some(group) = attention::alone(graph, last) {
        return group;
    }
    let inputs = reads(graph, &members);
    let kind = match &node.op {
        Op::Sum(_) | Op::Max(_) => {
            members.remove(&last);
            Kind::Reduction { root: last, members: members.into_iter().collect() }
        }
        Op::MatMul(_) | Op::Conv2d(_) | Op::Conv2dInputGrad(_) => {
            Kind::Product { root: last, bias: None, activation: Default::default(), mask: None }
        }
        Op::Conv2dKernelGrad(_) => Kind::KernelGrad { root: last, bias: None },
        Op::ChannelVariance(_) => Kind::Moments { variance: last, mean: None },
        op if is_elementwise(op) => Kind::Elementwise { members: members.into_iter().collect() },
        _ => Kind::Single(last),
    };
    let inputs = if matches!(kind, Kind::Single(_)) { node.inputs.clone() } else { inputs };
    Group::new(kind, inputs, vec![last])
}

/// The nodes outside that the members read.
fn reads(graph: &Graph, members: &BTreeSet<NodeId>) -> Vec<NodeId> {
    let mut reads = Vec::new();
    for &id in members {
        let sources: Vec<_> = match graph.node(id).op {
            Op::Expand(_) | Op::Constant(_) => vec![Source::of(graph, id)],
            _ => graph.node(id).inputs.iter().map(|&input| Source::of(graph, input)).collect(),
        };
        for source in sources {
            if let Source::Node(input) = source {
                let input = if is_source(graph, input) { input } else { storage(graph, input) };
                if !members.contains(&input) && !reads.contains(&input) {
                    reads.push(input);
                }
            }
        }
    }
    reads
}
