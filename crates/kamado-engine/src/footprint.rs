//! The memory that a graph will take, before any of it is taken.

use kamado_graph::graph::Graph;

use crate::arena::{Place, whole_lines};
use crate::error::EngineError;
use crate::passes::{Fusion, schedule};
use crate::plan::Layout;
use crate::session::own_outputs;

/// The memory that a graph takes, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Footprint {
    /// Its variables: what a [`Store`](crate::Store) of them takes.
    pub variables: usize,
    /// The results of a step.
    pub results: usize,
    /// What kernels need for themselves, after the results.
    pub scratch: usize,
}

impl Footprint {
    /// Of batches of `batch` examples on `threads` threads: to the byte what [`Session::bytes_for`](crate::Session::bytes_for)
    /// gives once the memory is taken.
    ///
    /// # Errors
    /// If the graph is not well formed, or the numbers overflow.
    pub fn of(graph: &Graph, batch: usize, threads: usize) -> Result<Self, EngineError> {
        let mut graph = graph.clone();
        graph.verify()?;
        own_outputs(&mut graph)?;
        let too_large = EngineError::OutOfMemory { what: "the model", bytes: usize::MAX };
        let (mut places, mut end) = (Vec::new(), 0usize);
        for variable in graph.variables() {
            let len = variable.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
            let Some(len) = len.filter(|&len| len < usize::MAX / 64) else { return Err(too_large) };
            places.push(Place::Store(end, len));
            end = end.saturating_add(whole_lines(len));
        }
        let layout = Layout::new(&graph, &schedule(&graph, Fusion::On), &places, batch, threads)?;
        let bytes = |floats: usize| floats.saturating_mul(size_of::<f32>());
        let scratch = layout.len - layout.memory;
        Ok(Footprint { variables: bytes(end), results: bytes(layout.memory), scratch: bytes(scratch) })
    }

    /// All of it.
    pub fn total(&self) -> usize {
        self.variables.saturating_add(self.results).saturating_add(self.scratch)
    }
}
