//! Whether a step keeps the examples of its batch apart.

use crate::error::GraphError;
use crate::graph::{Graph, Node, NodeId};
use crate::op::Op;
use crate::shape::{Dim, Shape};

/// Whether the size of the batch enters the shape.
pub(super) fn is_batched(shape: &Shape) -> bool {
    shape.iter().any(|dim| matches!(dim, Dim::Batch(_)))
}

impl Graph {
    /// The node that mixes examples on the way to `roots`, if there is one, as an error: the value of an example must not
    /// depend on the others, but for sums at the very end.
    pub(super) fn expect_separate(&self, roots: &[NodeId]) -> Result<(), GraphError> {
        let live = self.ancestors(roots);
        let mut from_batch = vec![false; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().filter(|(index, _)| live[*index]) {
            let batched = is_batched(&node.ty.shape);
            from_batch[index] = batched || node.inputs.iter().any(|i| from_batch[i.index()]);
            if !batched {
                continue;
            }
            if node.ty.shape[1..].iter().any(|dim| matches!(dim, Dim::Batch(_))) || self.mixes(node) {
                return Err(self.mixed(node));
            }
            let total = node.inputs.iter().find(|i| from_batch[i.index()] && !is_batched(self.shape(**i)));
            if let Some(total) = total {
                return Err(self.mixed(self.node(*total)));
            }
        }
        Ok(())
    }

    fn ancestors(&self, roots: &[NodeId]) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        roots.iter().for_each(|root| live[root.index()] = true);
        for index in (0..self.nodes.len()).rev() {
            if live[index] {
                self.nodes[index].inputs.iter().for_each(|i| live[i.index()] = true);
            }
        }
        live
    }

    /// Whether the operator lets examples see each other although its result has the axis of the batch.
    fn mixes(&self, node: &Node) -> bool {
        let rank = node.inputs.first().map_or(0, |x| self.shape(*x).rank());
        match &node.op {
            Op::InfoNce(_) | Op::InfoNceGrad(_) => true,
            // Over the last axis, which is that of the batch if there is no other.
            Op::Softmax(_) | Op::LogSoftmax(_) | Op::LayerNorm(_) | Op::RmsNorm(_) | Op::NormGrad(_) => rank < 2,
            Op::Scale(scale) => scale.divide_by.iter().any(|dim| matches!(dim, Dim::Batch(_))),
            Op::Transpose(transpose) => transpose.permutation.first() != Some(&0),
            _ => false,
        }
    }

    fn mixed(&self, node: &Node) -> GraphError {
        let why = "it mixes the examples of a batch, so that the share of a single one has no bound. Take its layer out, or put \
                   one in its place that works on each example alone, such as layer_normalization or group_normalization \
                   for batch_normalization";
        GraphError::Examples { scope: node.scope.clone(), op: node.op.name(), why: why.to_owned() }
    }

    /// The error that the gradient of a weight ends in an operator without a rule.
    pub(super) fn no_rule(&self, id: NodeId) -> GraphError {
        let node = self.node(id);
        let why = "there is no rule for the norm of an example's share of its weight's gradient. There are rules for dense \
                   layers, convolutions, embeddings, norms, recurrent layers, attention, biases and factors. Freeze the \
                   layer with `trainable = false`, or use another";
        GraphError::Examples { scope: node.scope.clone(), op: node.op.name(), why: why.to_owned() }
    }
}
