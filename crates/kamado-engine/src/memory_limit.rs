//! Which forward values a step keeps, so that it fits into a given amount of memory.

use std::collections::HashSet;

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::arithmetic::{arithmetic, is_product, of_nodes};
use crate::error::EngineError;
use crate::memory_plan;
use crate::passes::{Fusion, schedule};

/// What a training step needs and, if the limit asks for it, computes twice.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MemoryReport {
    /// The memory of all intermediate results if everything is kept, in bytes.
    pub unlimited: usize,
    /// That of the chosen step, in bytes.
    pub bytes: usize,
    /// The forward arithmetic that is done again, as a share of the whole forward pass.
    pub recomputed: f64,
}

/// A way to decide what is kept.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Keep {
    /// Results of products and the like; the rest costs little to compute again.
    Products,
    /// What passes from one of this many runs of layers to a later one, and everything of the last run, whose backward
    /// pass follows at once.
    Between(usize),
}

/// The training step `graph`, whose output `loss` ends its forward pass, so that its intermediate results for batches of
/// `batch` examples take at most `limit` bytes: of the ways to compute forward values again that fit, the one with the
/// least arithmetic.
///
/// # Errors
/// [`EngineError::MemoryLimit`] if none fits, with what is needed.
pub fn within(graph: &Graph, batch: usize, limit: usize) -> Result<(Graph, MemoryReport), EngineError> {
    let unlimited = bytes(graph, batch)?;
    let mut report = MemoryReport { unlimited, bytes: unlimited, recomputed: 0.0 };
    let Some(loss) = graph.output("loss").filter(|_| unlimited > limit) else {
        return if unlimited <= limit { Ok((graph.clone(), report)) } else { Err(too_small(unlimited, limit)) };
    };
    let layers = layers(graph, loss);
    let runs = layers.last().map_or(1, |last| last + 1);
    let mut ways: Vec<Keep> =
        std::iter::successors(Some(runs), |n| (*n > 1).then(|| n.div_ceil(2))).map(Keep::Between).collect();
    ways.push(Keep::Products);
    let whole = of_nodes(graph, 0..loss.index() + 1, batch);
    let mut candidates = Vec::new();
    for way in ways {
        let kept = kept(graph, loss, &layers, way);
        let again = graph.recompute(loss, &|id| kept.contains(&id));
        let (needed, extra) = (bytes(&again, batch)?, arithmetic(&again, batch));
        let recomputed = (extra - arithmetic(graph, batch)) / whole.max(1.0);
        report.bytes = report.bytes.min(needed);
        candidates.push((again, MemoryReport { unlimited, bytes: needed, recomputed }));
    }
    let fitting = candidates.into_iter().filter(|(_, one)| one.bytes <= limit);
    fitting.min_by(|(_, a), (_, b)| a.recomputed.total_cmp(&b.recomputed)).ok_or_else(|| too_small(report.bytes, limit))
}

fn too_small(needed: usize, limit: usize) -> EngineError {
    EngineError::MemoryLimit { needed, limit }
}

/// The memory of all intermediate results.
fn bytes(graph: &Graph, batch: usize) -> Result<usize, EngineError> {
    let plan = memory_plan::plan(graph, &schedule(graph, Fusion::On), batch);
    let plan = plan.ok_or(EngineError::OutOfMemory { what: "a step", bytes: usize::MAX })?;
    Ok(plan.len.saturating_mul(size_of::<f32>()))
}

/// The number of the layer that each forward node belongs to, counted in the order in which layers come.
fn layers(graph: &Graph, loss: NodeId) -> Vec<usize> {
    let mut number = 0;
    let mut scope: Option<&str> = None;
    let mut layers = Vec::with_capacity(loss.index() + 1);
    for node in &graph.nodes()[..=loss.index()] {
        // Inputs and weights are read where a layer needs them.
        if !matches!(node.op, Op::Input(_) | Op::Variable(_)) {
            number += usize::from(scope.is_some_and(|before| before != node.scope));
            scope = Some(&node.scope);
        }
        layers.push(number);
    }
    layers
}

fn kept(graph: &Graph, loss: NodeId, layers: &[usize], way: Keep) -> HashSet<NodeId> {
    let forward = || (0..=loss.index()).map(|i| NodeId(i as u32));
    match way {
        Keep::Products => forward().filter(|&id| is_product(&graph.node(id).op)).collect(),
        Keep::Between(runs) => {
            let count = layers.last().map_or(1, |last| last + 1);
            let run = |id: NodeId| layers[id.index()] * runs / count;
            let mut kept: HashSet<NodeId> = forward().filter(|&id| run(id) + 1 == runs).collect();
            for id in forward() {
                kept.extend(graph.node(id).inputs.iter().filter(|input| run(**input) < run(id)));
            }
            kept
        }
    }
}
