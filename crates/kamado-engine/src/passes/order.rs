//! Puts groups in the order in which they run.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::group::{Group, Kind, Schedule};

/// Every group after those whose results it reads, and every update after all who read the variable's old value; among
/// those that may run, the one whose nodes come first in the graph.
///
/// # Panics
/// If there is no such order, which a fusion must never cause.
pub(super) fn order(graph: &Graph, groups: Vec<Group>) -> Schedule {
    let producers: HashMap<NodeId, usize> =
        groups.iter().enumerate().flat_map(|(g, group)| group.outputs.iter().map(move |&id| (id, g))).collect();
    let mut after: Vec<Vec<usize>> = vec![vec![]; groups.len()];
    let mut waiting = vec![0; groups.len()];
    let mut edge = |from: usize, to: usize| {
        if from != to {
            after[from].push(to);
            waiting[to] += 1;
        }
    };
    for (reader, group) in groups.iter().enumerate() {
        for input in &group.inputs {
            if let Some(&producer) = producers.get(input) {
                edge(producer, reader);
            }
            if let Op::Variable(v) = &graph.node(*input).op {
                let writers = groups.iter().enumerate().filter(|(_, g)| g.writes.contains(&v.id));
                writers.for_each(|(writer, _)| edge(reader, writer));
            }
        }
    }
    let mut ready: BinaryHeap<_> =
        (0..groups.len()).filter(|&g| waiting[g] == 0).map(|g| Reverse((position(graph, &groups[g]), g))).collect();
    let mut sorted = Vec::with_capacity(groups.len());
    while let Some(Reverse((_, g))) = ready.pop() {
        sorted.push(g);
        for &next in &after[g] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(Reverse((position(graph, &groups[next]), next)));
            }
        }
    }
    assert_eq!(sorted.len(), groups.len(), "the groups wait for each other in a circle");
    let mut groups: Vec<_> = groups.into_iter().map(Some).collect();
    Schedule(sorted.into_iter().filter_map(|g| groups[g].take()).collect())
}

/// Where in the graph a group ends.
fn position(graph: &Graph, group: &Group) -> usize {
    let last = |ids: &[NodeId]| ids.iter().map(|id| id.index()).max().unwrap_or(0);
    match group.kind {
        Kind::Update(update) | Kind::TableUpdate(update) => graph.updates()[update].value.index(),
        _ => last(&group.outputs).max(last(&group.inputs)),
    }
}
