//! A plan: a graph compiled for one batch size.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::arena::{Arena, Place};
use crate::error::EngineError;
use crate::group::Schedule;
use crate::lower::{Kernel, Lower, lower};
use crate::memory_plan;
use crate::uses::storage;

/// A kernel with its scratch memory.
pub(crate) struct Step {
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) scratch: Place,
    /// What it reads and writes, in bytes, for the profile.
    pub(crate) bytes: usize,
}

/// A graph compiled for one batch size.
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) arena: Arena,
    pub(crate) outputs: Vec<(String, Place)>,
}

impl Plan {
    /// Compiles a schedule for batches of `batch` examples on `threads` threads.
    pub(crate) fn new(
        graph: &Graph,
        schedule: &Schedule,
        variables: &[Place],
        batch: usize,
        threads: usize,
    ) -> Result<Plan, EngineError> {
        let Layout { memory, kernels, len, outputs } = Layout::new(graph, schedule, variables, batch, threads)?;
        let arena = Arena::new(len).ok_or(too_large(len.saturating_mul(size_of::<f32>())))?;
        let steps = kernels.into_iter().map(|(kernel, bytes)| {
            let scratch = Place::Arena(memory, kernel.scratch());
            Step { kernel, scratch, bytes }
        });
        Ok(Plan { steps: steps.collect(), arena, outputs })
    }
}

fn too_large(bytes: usize) -> EngineError {
    EngineError::OutOfMemory { what: "a step", bytes }
}

/// A plan without memory.
pub(crate) struct Layout {
    /// The floats for intermediate results, which lie before the scratch memory.
    pub(crate) memory: usize,
    /// The kernels, and the bytes that each reads and writes.
    kernels: Vec<(Box<dyn Kernel>, usize)>,
    /// All floats.
    pub(crate) len: usize,
    outputs: Vec<(String, Place)>,
}

impl Layout {
    /// As [`Plan::new`].
    pub(crate) fn new(
        graph: &Graph,
        schedule: &Schedule,
        variables: &[Place],
        batch: usize,
        threads: usize,
    ) -> Result<Layout, EngineError> {
        let memory = memory_plan::plan(graph, schedule, batch).ok_or(too_large(usize::MAX))?;
        let place = |id: NodeId| match &graph.node(storage(graph, id)).op {
            Op::Variable(v) => variables[v.id.index()],
            Op::Input(input) => {
                let feed = graph.inputs().position(|(name, _)| name == input.name).unwrap_or(usize::MAX);
                Place::Feed(feed, graph.shape(id).iter().map(|d| d.at(batch)).product())
            }
            _ => memory.places.get(&storage(graph, id)).copied().unwrap_or(Place::EMPTY),
        };
        let context = Lower { graph, batch, threads, place: &place, variables };
        let kernels: Vec<_> = schedule.0.iter().map(|group| lower(group, &context)).collect();
        let scratch = kernels.iter().map(|kernel| kernel.scratch()).max().unwrap_or(0);
        let len = memory.len.checked_add(scratch).ok_or(too_large(usize::MAX))?;
        let kernels = kernels.into_iter().zip(&schedule.0).map(|(kernel, group)| {
            let tensors = group.inputs.iter().chain(&group.outputs).map(|&id| place(id).len()).sum::<usize>();
            let written = group.writes.iter().map(|v| 2 * variables[v.index()].len()).sum::<usize>();
            (kernel, (tensors + written) * size_of::<f32>())
        });
        let outputs = graph.outputs().iter().map(|(name, id)| (name.clone(), place(*id))).collect();
        Ok(Layout { memory: memory.len, kernels: kernels.collect(), len, outputs })
    }
}
