//! Fuses what follows a product or convolution into its last pass over the result.
//!
//! `activation(product + bias)`, and `product · step(r)`, the gradient of the relu whose output is `r`.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_kernels::gemm::Activation;

use crate::group::{Group, Kind};
use crate::uses::{Uses, storage};

/// The product that ends in `last`, with all that can be fused.
pub(super) fn find(graph: &Graph, uses: &Uses, last: NodeId) -> Option<Group> {
    let node = graph.node(last);
    let activation = match node.op {
        Op::Relu(_) => Activation::Relu,
        Op::Sigmoid(_) => Activation::Sigmoid,
        Op::Tanh(_) => Activation::Tanh,
        Op::Mul(_) => return masked(graph, uses, last),
        _ => Activation::None,
    };
    let mut at = last;
    if activation != Activation::None {
        at = node.inputs[0];
        uses.only_user(at)?;
    }
    let mut bias = None;
    if let Op::Add(_) = graph.node(at).op {
        let (product, b) = biased(graph, uses, at)?;
        (at, bias) = (product, Some(b));
    }
    let forward = matches!(graph.node(at).op, Op::MatMul(_) | Op::Conv2d(_));
    let backward = at == last && matches!(graph.node(at).op, Op::Conv2dInputGrad(_));
    if !forward && !backward {
        return None;
    }
    let inputs = graph.node(at).inputs.iter().copied().chain(bias).collect();
    Some(Group::new(Kind::Product { root: at, bias, activation, mask: None }, inputs, vec![last]))
}

/// `product + bias`, where the product is used nowhere else and the bias is a vector of weights.
fn biased(graph: &Graph, uses: &Uses, add: NodeId) -> Option<(NodeId, NodeId)> {
    let &[a, b] = graph.node(add).inputs.as_slice() else { return None };
    [(a, b), (b, a)].into_iter().find(|&(product, bias)| {
        let is_product = matches!(graph.node(product).op, Op::MatMul(_) | Op::Conv2d(_));
        let columns = graph.shape(product).last();
        is_product
            && uses.only_user(product).is_some()
            && matches!(graph.node(storage(graph, bias)).op, Op::Variable(_))
            && graph.shape(bias).rank() == 1
            && graph.shape(bias).last() == columns
    })
}

/// `product · step(mask)`.
fn masked(graph: &Graph, uses: &Uses, mul: NodeId) -> Option<Group> {
    let (product, mask) = masked_operand(graph, uses, mul)?;
    if !matches!(graph.node(product).op, Op::MatMul(_) | Op::Conv2dInputGrad(_)) {
        return None;
    }
    let inputs = graph.node(product).inputs.iter().copied().chain([mask]).collect();
    let kind = Kind::Product { root: product, bias: None, activation: Activation::None, mask: Some(mask) };
    Some(Group::new(kind, inputs, vec![mul]))
}

/// The value that `mul` multiplies by the step of a tensor of the same size, and that tensor. The value, seen through
/// reshapes, is used nowhere else.
pub(super) fn masked_operand(graph: &Graph, uses: &Uses, mul: NodeId) -> Option<(NodeId, NodeId)> {
    if !matches!(graph.node(mul).op, Op::Mul(_)) {
        return None;
    }
    let &[a, b] = graph.node(mul).inputs.as_slice() else { return None };
    [(a, b), (b, a)].into_iter().find_map(|(value, step)| {
        let root = storage(graph, value);
        let (last, _) = uses.only_user_through_reshapes(graph, root)?;
        let Op::Step(_) = graph.node(step).op else { return None };
        let same = graph.shape(value) == graph.shape(step);
        (last == value && same).then(|| (root, graph.node(step).inputs[0]))
    })
}
