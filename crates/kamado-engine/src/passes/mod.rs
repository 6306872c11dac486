//! The passes that group nodes into kernels. Each looks at the graph and answers with groups; none changes the graph.
//!
//! Patterns with several results claim their nodes first; then one backward sweep covers every node that is still
//! needed with the largest pattern that ends in it; then the groups are put in order.

mod attention;
mod dense_update;
mod elementwise;
mod kernel_grad;
mod moments;
mod norm_grad;
mod order;
mod product;
mod recurrent;
mod table_update;

pub(crate) use elementwise::Source;

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::group::{Group, Kind, Schedule};
use crate::uses::{Uses, storage};
use crate::verify::verify;

/// Which fusions are applied; tests compare the results with and without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fusion {
    /// One kernel for each node.
    Off,
    /// All patterns.
    On,
}

/// Groups the graph's live nodes into kernels, in the order in which they run.
pub(crate) fn schedule(graph: &Graph, fusion: Fusion) -> Schedule {
    let uses = Uses::new(graph);
    let mut cover = Cover { graph, required: vec![false; graph.nodes().len()], groups: Vec::new() };
    let mut updated = vec![false; graph.updates().len()];
    for (index, done) in updated.iter_mut().enumerate() {
        if let Some(group) = table_update::find(graph, &uses, index, fusion) {
            *done = true;
            cover.add(group);
        }
    }
    if fusion == Fusion::On {
        for (index, done) in updated.iter_mut().enumerate() {
            if let Some(group) = dense_update::find(graph, &uses, index) {
                *done = true;
                cover.add(group);
            }
        }
        attention::find_all(graph, &uses).into_iter().for_each(|group| cover.add(group));
        kernel_grad::find_all(graph, &uses).into_iter().for_each(|group| cover.add(group));
        norm_grad::find_all(graph, &uses).into_iter().for_each(|group| cover.add(group));
        recurrent::find_all(graph, &uses).into_iter().for_each(|group| cover.add(group));
        moments::find_all(graph, &uses).into_iter().for_each(|group| cover.add(group));
    }
    for (index, _) in updated.iter().enumerate().filter(|(_, done)| !**done) {
        let update = &graph.updates()[index];
        let mut group = Group::new(Kind::Update(index), vec![update.value], vec![]);
        group.writes = std::iter::once(update.variable).chain(update.slots.iter().copied()).collect();
        cover.add(group);
    }
    graph.outputs().iter().for_each(|(_, id)| cover.require(*id));
    for index in (0..graph.nodes().len()).rev() {
        let id = NodeId(index as u32);
        if cover.required[index] && !cover.produced(id) && !is_source(graph, id) {
            let group = match fusion {
                Fusion::On => product::find(graph, &uses, id).unwrap_or_else(|| elementwise::find(graph, &uses, id)),
                Fusion::Off => elementwise::alone(graph, id),
            };
            cover.add(group);
        }
    }
    let schedule = order::order(graph, cover.groups);
    verify(graph, &schedule);
    schedule
}

/// Whether the node's value comes from outside: feeds and variables.
fn is_source(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.node(id).op, Op::Input(_) | Op::Variable(_))
}

/// The groups found so far, and the nodes that they read.
struct Cover<'g> {
    graph: &'g Graph,
    required: Vec<bool>,
    groups: Vec<Group>,
}

impl Cover<'_> {
    /// Adds a group; what it reads, through views, is needed from now on.
    fn add(&mut self, mut group: Group) {
        let graph = self.graph;
        group.outputs.iter_mut().for_each(|id| *id = storage(graph, *id));
        group.inputs.iter_mut().for_each(|id| *id = storage(graph, *id));
        group.inputs.iter().for_each(|id| self.required[id.index()] = true);
        self.groups.push(group);
    }

    fn require(&mut self, id: NodeId) {
        self.required[storage(self.graph, id).index()] = true;
    }

    fn produced(&self, id: NodeId) -> bool {
        self.groups.iter().any(|group| group.outputs.contains(&id))
    }
}
