//! The operators that sum over the examples of a batch, and what each example adds to the sum.

use std::collections::HashMap;

use super::separate::is_batched;
use super::{Clipper, Factors};
use crate::error::GraphError;
use crate::graph::{Graph, NodeId};
use crate::op::Op;
use crate::ops::{
    Cell, Conv2dKernelGrads, LayerNorm, NormScaleGrad, Pad, Recurrence, RecurrentKernelGrad, RmsNorm, Transpose,
};
use crate::ops::{Concatenate, Slice, Sum};
use crate::shape::{Dim, Shape};

impl Graph {
    /// `x [nB, …]` as `[B, n, …]`; as it is if n is 1.
    pub(super) fn by_example(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        match self.shape(x).first() {
            Some(&Dim::Batch(n)) if n != 1 => {
                let rest = self.shape(x)[1..].to_vec();
                self.reshape(x, Shape([Dim::B, Dim::Fixed(n)].into_iter().chain(rest).collect()))
            }
            _ => Ok(x),
        }
    }

    /// `x [nB, D]` as `[B, n, D]`.
    fn steps(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let n = match self.shape(x).first() {
            Some(&Dim::Batch(n)) => n,
            _ => 1,
        };
        let last = self.shape(x)[1];
        self.reshape(x, Shape(vec![Dim::B, Dim::Fixed(n), last]))
    }
}

/// `aᵀ·b` of steps `a [B, n, K]` and `b [B, n, N]`: what an example adds to `[K, N]`.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub(super) a: NodeId,
    pub(super) b: NodeId,
}

impl Clipper<'_> {
    /// The products that an example adds to a contraction, one after another along its last axis; `None` if it is of
    /// another kind.
    pub(super) fn products(&mut self, contraction: NodeId) -> Result<Option<Vec<Product>>, GraphError> {
        let node = self.graph.node(contraction).clone();
        let &[first, second, ..] = &node.inputs[..] else { return Ok(None) };
        match &node.op {
            Op::MatMul(op) if op.transpose_a && !op.transpose_b && self.graph.shape(first).rank() == 2 => {
                let (a, b) = (self.graph.steps(first)?, self.graph.steps(second)?);
                Ok(Some(vec![Product { a, b }]))
            }
            Op::RecurrentKernelGrad(op) => {
                let products = self.recurrent(*op, first, second, node.inputs.get(2).copied())?;
                Ok(Some(products))
            }
            _ => Ok(None),
        }
    }

    /// The states before each step times the gradients within the recurrent product.
    fn recurrent(
        &mut self,
        op: RecurrentKernelGrad,
        tape: NodeId,
        d: NodeId,
        first: Option<NodeId>,
    ) -> Result<Vec<Product>, GraphError> {
        let Recurrence { cell, go_backwards, .. } = op.recurrence;
        let graph = &mut *self.graph;
        let width = graph.shape(tape)[2].at(0);
        let (steps, units) = (graph.shape(tape)[1].at(0), width / cell.tape());
        let after = graph.slice(tape, 2, width - units, units)?;
        // The state of the step before; of the step after where the last step comes first.
        let (kept, zeros) = if go_backwards { (1, [0, 1]) } else { (0, [1, 0]) };
        let edge = match first {
            Some(h) => graph.reshape(h, Shape::batched(&[1, units]))?,
            None => graph.constant(0.0, Shape::batched(&[1, units]))?,
        };
        let before = match (steps, first) {
            (1, _) => edge,
            (_, None) => {
                let others = graph.slice(after, 1, kept, steps - 1)?;
                graph.pad(others, &[0, zeros[0], 0], &[0, zeros[1], 0])?
            }
            (_, Some(_)) => {
                let others = graph.slice(after, 1, kept, steps - 1)?;
                let parts = if go_backwards { [others, edge] } else { [edge, others] };
                graph.concatenate(&parts, 1)?
            }
        };
        if cell != (Cell::Gru { reset_after: false }) {
            return Ok(vec![Product { a: before, b: d }]);
        }
        let reset = graph.slice(tape, 2, units, units)?;
        let reset = graph.mul(reset, before)?;
        let (gates, candidate) = (graph.slice(d, 2, 0, 2 * units)?, graph.slice(d, 2, 2 * units, units)?);
        Ok(vec![Product { a: before, b: gates }, Product { a: reset, b: candidate }])
    }

    /// What each example adds to a node that sums over examples, or to what is made of such sums: `[B, …]`.
    pub(super) fn each(&mut self, id: NodeId) -> Result<NodeId, GraphError> {
        if self.is_contraction(id) {
            return self.each_of_contraction(id);
        }
        let node = self.graph.node(id).clone();
        let behind = |axis: usize| axis + 1;
        let op: Op = match node.op {
            Op::Reshape(ref reshape) => {
                let each = self.each(node.inputs[0])?;
                let dims = std::iter::once(Dim::B).chain(reshape.shape.iter().copied());
                return self.graph.reshape(each, Shape(dims.collect()));
            }
            Op::Add(_) | Op::Neg(_) | Op::Scale(_) => node.op.clone(),
            Op::Transpose(Transpose { permutation }) => {
                let permutation = std::iter::once(0).chain(permutation.into_iter().map(behind)).collect();
                Transpose { permutation }.into()
            }
            Op::Slice(Slice { axis, start, len }) => Slice { axis: behind(axis), start, len }.into(),
            Op::Concatenate(Concatenate { axis }) => Concatenate { axis: behind(axis) }.into(),
            Op::Pad(Pad { before, after }) => {
                let with_batch = |widths: Vec<usize>| std::iter::once(0).chain(widths).collect();
                Pad { before: with_batch(before), after: with_batch(after) }.into()
            }
            _ => return Err(self.graph.no_rule(id)),
        };
        let inputs = node.inputs.iter().map(|&input| self.each(input)).collect::<Result<Vec<_>, _>>()?;
        self.graph.push(op, &inputs)
    }

    fn each_of_contraction(&mut self, id: NodeId) -> Result<NodeId, GraphError> {
        if let Some(products) = self.products(id)? {
            let parts = products.iter().map(|p| self.graph.matmul(p.a, p.b, true, false));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            return self.graph.concatenate(&parts, 2);
        }
        let node = self.graph.node(id).clone();
        match node.op {
            Op::Conv2dKernelGrad(sum) => self.graph.push(Conv2dKernelGrads { sum }, &node.inputs),
            Op::Sum(sum) => self.each_of_sum(&sum, node.inputs[0]),
            Op::NormScaleGrad(op) => self.each_of_norm(&op, node.inputs[0], node.inputs[1]),
            _ => Err(self.graph.no_rule(id)),
        }
    }

    fn each_of_sum(&mut self, sum: &Sum, x: NodeId) -> Result<NodeId, GraphError> {
        let shape = self.graph.shape(x).clone();
        let &[Dim::Batch(n), ref rest @ ..] = &shape[..] else { return Err(self.graph.no_rule(x)) };
        let dims = [Dim::B, Dim::Fixed(n)].into_iter().chain(rest.iter().copied());
        let x = self.graph.reshape(x, Shape(dims.collect()))?;
        let axes: Vec<usize> = sum.axes.iter().map(|axis| axis + 1).collect();
        self.graph.sum(x, &axes, sum.keep_dims)
    }

    /// `Σ dy · x̂` over the rows of an example.
    fn each_of_norm(&mut self, op: &NormScaleGrad, x: NodeId, dy: NodeId) -> Result<NodeId, GraphError> {
        let graph = &mut *self.graph;
        let width = Shape(graph.shape(x).last().copied().into_iter().collect());
        let one = graph.constant(1.0, width.clone())?;
        let normal = match op.centred {
            true => {
                let zero = graph.constant(0.0, width)?;
                graph.push(LayerNorm { epsilon: op.epsilon }, &[x, one, zero])?
            }
            false => graph.push(RmsNorm { epsilon: op.epsilon }, &[x, one])?,
        };
        let product = graph.mul(dy, normal)?;
        let product = graph.by_example(product)?;
        let between: Vec<usize> = (1..graph.shape(product).rank() - 1).collect();
        graph.sum(product, &between, false)
    }

    /// Whether the node sums over the examples of a batch.
    pub(super) fn is_contraction(&self, id: NodeId) -> bool {
        self.graph.node(id).inputs.iter().any(|&input| is_batched(self.graph.shape(input)))
    }

    /// The nodes that sum over examples from which `gradient` is made.
    pub(super) fn contractions(&self, gradient: NodeId) -> Result<Vec<NodeId>, GraphError> {
        if self.is_contraction(gradient) {
            return Ok(vec![gradient]);
        }
        let node = self.graph.node(gradient);
        let linear = matches!(
            node.op,
            Op::Add(_)
                | Op::Neg(_)
                | Op::Scale(_)
                | Op::Reshape(_)
                | Op::Transpose(_)
                | Op::Slice(_)
                | Op::Pad(_)
                | Op::Concatenate(_)
        );
        if !linear || node.inputs.is_empty() {
            return Err(self.graph.no_rule(gradient));
        }
        let parts = node.inputs.iter().map(|&input| self.contractions(input)).collect::<Result<Vec<_>, _>>()?;
        let mut all = parts.concat();
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// The contraction with every example's share in it.
    pub(super) fn scaled(&mut self, id: NodeId, factors: Factors) -> Result<NodeId, GraphError> {
        let node = self.graph.node(id).clone();
        // One operand carries the factor; the others only lose the examples that do not count.
        let weighted = match node.op {
            Op::GatherGrad(_) | Op::MatMul(_) | Op::Conv2dKernelGrad(_) | Op::RecurrentKernelGrad(_) => 1,
            _ => return Err(self.graph.no_rule(id)),
        };
        let mut inputs = node.inputs.clone();
        for (i, input) in inputs.iter_mut().enumerate() {
            let integers = matches!(node.op, Op::GatherGrad(_)) && i == 0;
            if !integers {
                *input = self.times(*input, if i == weighted { factors.share } else { factors.counted })?;
            }
        }
        self.graph.push(node.op, &inputs)
    }

    /// `id`, made of other contractions.
    pub(super) fn rebuilt(&mut self, id: NodeId, replaced: &HashMap<NodeId, NodeId>) -> Result<NodeId, GraphError> {
        if let Some(&other) = replaced.get(&id) {
            return Ok(other);
        }
        let node = self.graph.node(id).clone();
        let inputs = node.inputs.iter().map(|&i| self.rebuilt(i, replaced)).collect::<Result<Vec<_>, _>>()?;
        self.graph.push(node.op, &inputs)
    }
}
