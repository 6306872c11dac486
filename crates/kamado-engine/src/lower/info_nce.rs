//! InfoNCE, and its gradient.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::info_nce::{Views, info_nce, info_nce_gradient, scratch};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct InfoNce {
    batch: usize,
    units: usize,
    queries: Place,
    keys: Place,
    /// For a gradient, the upstream one and whether it is that of the keys.
    gradient: Option<(Place, bool)>,
    result: Place,
    threads: usize,
}

/// The kernel of a node of this loss or its gradient.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let dims = at.dims(node.inputs[0]);
    let gradient = match &node.op {
        Op::InfoNceGrad(op) => Some((at.place(node.inputs[2]), op.keys)),
        _ => None,
    };
    Box::new(InfoNce {
        batch: dims[0],
        units: dims[1],
        queries: at.place(node.inputs[0]),
        keys: at.place(node.inputs[1]),
        gradient,
        result: at.place(root),
        threads: at.threads,
    })
}

impl Kernel for InfoNce {
    fn scratch(&self) -> usize {
        scratch(self.batch, self.units, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let upstream = self.gradient.map_or(Place::EMPTY, |(upstream, _)| upstream);
        let ([queries, keys, upstream], [result, scratch]) =
            memory.view([self.queries, self.keys, upstream], [self.result, at.scratch]);
        let views = Views { batch: self.batch, units: self.units, queries, keys };
        match self.gradient {
            Some((_, for_keys)) => info_nce_gradient(at.exec, &views, upstream, for_keys, result, scratch),
            None => info_nce(at.exec, &views, result, scratch),
        }
        Ok(())
    }
}
