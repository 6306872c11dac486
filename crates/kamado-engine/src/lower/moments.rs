//! Mean and variance of each channel.

use kamado_graph::graph::NodeId;
use kamado_kernels::moments::{moments, moments_scratch};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Moments {
    x: Place,
    /// Without a mean that is asked for, it goes to the scratch memory.
    mean: Option<Place>,
    variance: Place,
    len: usize,
    channels: usize,
}

/// The kernel of a variance and, if it is given, the mean of the same tensor.
pub(super) fn lower(variance: NodeId, mean: Option<NodeId>, at: &Lower<'_>) -> Box<dyn Kernel> {
    let x = at.graph.node(variance).inputs[0];
    let dims = at.dims(x);
    Box::new(Moments {
        x: at.place(x),
        mean: mean.map(|id| at.place(id)),
        variance: at.place(variance),
        len: dims.iter().product(),
        channels: dims.last().copied().unwrap_or(0),
    })
}

impl Kernel for Moments {
    fn scratch(&self) -> usize {
        self.channels + moments_scratch(self.len, self.channels)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let mean = self.mean.unwrap_or(Place::EMPTY);
        let ([x], [mean, variance, scratch]) = memory.view([self.x], [mean, self.variance, at.scratch]);
        let (unasked, scratch) = scratch.split_at_mut(self.channels);
        moments(at.exec, x, if self.mean.is_some() { mean } else { unasked }, variance, scratch);
        Ok(())
    }
}
