//! Sums and maxima over axes, of a tensor or of a chain of elementwise operators.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::reduce::{Reduction, reduce, reduce_scratch};

use super::elementwise::{Chain, chain};
use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;
use crate::passes::Source;

struct Reduce {
    how: Reduction,
    chain: Chain,
    axes: Vec<usize>,
    out: Place,
}

/// The kernel of a reduction over the value of `members`.
pub(super) fn lower(root: NodeId, members: &[NodeId], at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let (how, axes) = match &node.op {
        Op::Sum(sum) => (Reduction::Sum, &sum.axes),
        Op::Max(max) => (Reduction::Max, &max.axes),
        op => unreachable!("{} is no reduction", op.name()),
    };
    let input = node.inputs[0];
    let chain = chain(members, Source::of(at.graph, input), at.dims(input), at);
    Box::new(Reduce { how, chain, axes: axes.clone(), out: at.place(root) })
}

impl Kernel for Reduce {
    fn scratch(&self) -> usize {
        reduce_scratch(&self.chain.shape, &self.axes)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let Chain { program, shape, inputs: places } = &self.chain;
        let (inputs, [out, scratch]) = memory.view_list(places, [self.out, at.scratch]);
        let inputs = inputs.map(Some);
        let inputs = &inputs[..places.len()];
        reduce(at.exec, self.how, program, inputs, shape, &self.axes, out, scratch, at.key());
        Ok(())
    }
}
