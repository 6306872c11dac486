//! The rules that a schedule must keep. A fusion that breaks one is a mistake of ours, so breaking one panics.

use std::collections::HashSet;

use kamado_graph::graph::{Graph, NodeId, VariableId};
use kamado_graph::op::Op;

use crate::group::{Group, Kind, Schedule};
use crate::uses::storage;

/// Checks a schedule:
/// 1. what a group reads has been produced before, or comes from outside;
/// 2. no value is produced twice;
/// 3. every output of the graph is produced or comes from outside;
/// 4. every update runs exactly once, and nobody reads a variable after its update.
///
/// # Panics
/// Naming the group that breaks a rule.
pub(crate) fn verify(graph: &Graph, schedule: &Schedule) {
    let mut produced: HashSet<NodeId> = HashSet::new();
    let mut changed: HashSet<VariableId> = HashSet::new();
    let mut updates = vec![0; graph.updates().len()];
    for group in &schedule.0 {
        for &input in &group.inputs {
            match &graph.node(input).op {
                Op::Input(_) => {}
                Op::Variable(v) => {
                    let name = &graph.variables()[v.id.index()].name;
                    assert!(!changed.contains(&v.id), "{group} reads {name} after its update");
                }
                _ => assert!(produced.contains(&input), "{group} reads {input}, which nothing before it produces"),
            }
        }
        for &output in &group.outputs {
            assert!(produced.insert(output), "{group} produces {output}, which another group does too");
        }
        changed.extend(&group.writes);
        if let Some(update) = update_of(group) {
            updates[update] += 1;
        }
    }
    for (name, id) in graph.outputs() {
        let root = storage(graph, *id);
        let outside = matches!(graph.node(root).op, Op::Input(_) | Op::Variable(_));
        assert!(outside || produced.contains(&root), "nothing produces output {name:?}");
    }
    assert!(updates.iter().all(|&n| n == 1), "updates run {updates:?} times");
}

fn update_of(group: &Group) -> Option<usize> {
    match group.kind {
        Kind::Update(update) | Kind::TableUpdate(update) | Kind::DenseUpdate { update, .. } => Some(update),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kamado_graph::shape::{Shape, TensorType};

    /// `y = softmax(softmax(x))`, whose schedule has two groups.
    fn example() -> (Graph, Schedule) {
        let mut g = Graph::new();
        let x = g.input("x", TensorType::f32(Shape::batched(&[4]))).unwrap();
        let a = g.softmax(x).unwrap();
        let y = g.softmax(a).unwrap();
        g.set_output("y", y);
        let groups = [(x, a), (a, y)].map(|(from, to)| Group::new(Kind::Single(to), vec![from], vec![to]));
        (g, Schedule(groups.into()))
    }

    #[test]
    fn a_good_schedule_passes() {
        let (graph, schedule) = example();
        verify(&graph, &schedule);
    }

    #[test]
    #[should_panic(expected = "which nothing before it produces")]
    fn an_order_that_reads_too_early_is_refused() {
        let (graph, mut schedule) = example();
        schedule.0.reverse();
        verify(&graph, &schedule);
    }

    #[test]
    #[should_panic(expected = "which another group does too")]
    fn a_value_made_twice_is_refused() {
        let (graph, mut schedule) = example();
        schedule.0.push(schedule.0[0].clone());
        verify(&graph, &schedule);
    }

    #[test]
    #[should_panic(expected = "nothing produces output \"y\"")]
    fn a_missing_output_is_refused() {
        let (graph, mut schedule) = example();
        schedule.0.pop();
        verify(&graph, &schedule);
    }
}
