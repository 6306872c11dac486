//! Reordering of axes.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Transpose;
use kamado_kernels::layout::permute;

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Permute {
    shape: Vec<usize>,
    permutation: Vec<usize>,
    x: Place,
    y: Place,
}

/// The kernel of a transpose node.
pub(super) fn lower(root: NodeId, op: &Transpose, at: &Lower<'_>) -> Box<dyn Kernel> {
    let x = at.graph.node(root).inputs[0];
    Box::new(Permute { shape: at.dims(x), permutation: op.permutation.clone(), x: at.place(x), y: at.place(root) })
}

impl Kernel for Permute {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([x], [y]) = memory.view([self.x], [self.y]);
        permute(at.exec, x, &self.shape, &self.permutation, y);
        Ok(())
    }
}
