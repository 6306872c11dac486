//! Attention with the logarithm of its sums, and its gradients.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_graph::ops::Attention;
use kamado_kernels::attention::{
    AttentionShape, Forwarded, Operands, backward, backward_scratch, forward, forward_scratch,
};

use kamado_kernels::random::DropoutMask;

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Forward {
    shape: AttentionShape,
    dropout: Option<DropoutMask>,
    operands: [Place; 3],
    mask: Option<Place>,
    result: Option<Place>,
    sums: Option<Place>,
    threads: usize,
}

struct Backward {
    shape: AttentionShape,
    dropout: Option<DropoutMask>,
    operands: [Place; 3],
    mask: Option<Place>,
    /// The result, the logarithm of its sums, and the gradient of the result.
    forwarded: [Place; 3],
    gradients: [Option<Place>; 3],
    threads: usize,
}

/// The sizes, from the shapes of queries, keys and values.
fn sizes(op: &Attention, q: &[usize], k: &[usize], v: &[usize]) -> AttentionShape {
    AttentionShape {
        batch: q[0],
        heads: q[2],
        queries: q[1],
        keys: k[1],
        key_dim: q[3],
        value_dim: v[3],
        causal: op.causal,
        scale: op.scale as f32,
    }
}

/// The mask of the probabilities, if some are dropped.
fn dropout(op: &Attention) -> Option<DropoutMask> {
    (op.dropout > 0.0).then_some(DropoutMask { rate: op.dropout, stream: op.stream })
}

/// The kernel of an attention, the logarithm of its sums, or both.
///
/// # Panics
/// If the nodes are other operators.
pub(super) fn lower(result: Option<NodeId>, sums: Option<NodeId>, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = result.or(sums).map(|id| at.graph.node(id));
    let (op, inputs, values) = match node.map(|node| (&node.op, node.inputs.as_slice())) {
        Some((Op::Attention(op), inputs)) => (*op, inputs, 1),
        Some((Op::AttentionLogSumExp(op), inputs)) => (op.attention, inputs, 0),
        _ => unreachable!("an attention"),
    };
    // The sums alone need no values: the keys stand for their shape.
    let (q, k, v) = (inputs[0], inputs[1], inputs[1 + values]);
    let place = |id: &NodeId| at.place(*id);
    Box::new(Forward {
        dropout: dropout(&op),
        shape: sizes(&op, &at.dims(q), &at.dims(k), &at.dims(v)),
        operands: [place(&q), place(&k), if values == 1 { place(&v) } else { Place::EMPTY }],
        mask: inputs.get(2 + values).map(place),
        result: result.as_ref().map(place),
        sums: sums.as_ref().map(place),
        threads: at.threads,
    })
}

/// The kernel of some gradients of one attention.
///
/// # Panics
/// If the nodes are other operators.
pub(super) fn lower_grad(gradients: [Option<NodeId>; 3], at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = gradients.iter().flatten().next().map(|id| at.graph.node(*id));
    let (op, inputs) = match node.map(|node| (&node.op, node.inputs.as_slice())) {
        Some((Op::AttentionQueryGrad(op), inputs)) => (op.attention, inputs),
        Some((Op::AttentionKeyGrad(op), inputs)) => (op.attention, inputs),
        Some((Op::AttentionValueGrad(op), inputs)) => (op.attention, inputs),
        _ => unreachable!("a gradient of attention"),
    };
    let place = |i: usize| at.place(inputs[i]);
    Box::new(Backward {
        dropout: dropout(&op),
        shape: sizes(&op, &at.dims(inputs[0]), &at.dims(inputs[1]), &at.dims(inputs[2])),
        operands: [0, 1, 2].map(place),
        mask: (inputs.len() > 6).then(|| place(6)),
        forwarded: [3, 4, 5].map(place),
        gradients: gradients.map(|id| id.map(|id| at.place(id))),
        threads: at.threads,
    })
}

impl Kernel for Forward {
    fn scratch(&self) -> usize {
        forward_scratch(&self.shape, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let or_empty = |place: Option<Place>| place.unwrap_or(Place::EMPTY);
        let [q, k, v] = self.operands;
        let ([q, k, v, mask], [y, lse, scratch]) =
            memory.view([q, k, v, or_empty(self.mask)], [or_empty(self.result), or_empty(self.sums), at.scratch]);
        let operands =
            Operands { q, k, v, mask: self.mask.map(|_| mask), dropout: self.dropout.map(|mask| (mask, at.key())) };
        forward(at.exec, &self.shape, &operands, self.result.map(|_| y), self.sums.map(|_| lse), scratch);
        Ok(())
    }
}

impl Kernel for Backward {
    fn scratch(&self) -> usize {
        backward_scratch(&self.shape, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let or_empty = |place: Option<Place>| place.unwrap_or(Place::EMPTY);
        let ([q, k, v], [y, lse, dy], [dq, dk, dv]) = (self.operands, self.forwarded, self.gradients.map(or_empty));
        let ([q, k, v, mask, y, lse, dy], [dq, dk, dv, scratch]) =
            memory.view([q, k, v, or_empty(self.mask), y, lse, dy], [dq, dk, dv, at.scratch]);
        let operands =
            Operands { q, k, v, mask: self.mask.map(|_| mask), dropout: self.dropout.map(|mask| (mask, at.key())) };
        let [to_q, to_k, to_v] = self.gradients;
        let wanted = [to_q.map(|_| dq), to_k.map(|_| dk), to_v.map(|_| dv)];
        backward(at.exec, &self.shape, &operands, &Forwarded { y, lse, dy }, wanted, scratch);
        Ok(())
    }
}
