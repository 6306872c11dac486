//! Where each intermediate result lies in the arena.
//!
//! Results that are never needed at the same time may share memory. The largest are placed first, each at the lowest
//! offset that is free for as long as it is needed ("greedy by size", Pisarchyk and Lee 2020).

use std::collections::HashMap;

use kamado_graph::graph::{Graph, NodeId};

use crate::arena::{Place, whole_lines};
use crate::group::{Kind, Schedule};
use crate::uses::storage;

/// Where results lie, and how long the arena must be.
#[derive(Debug)]
pub(crate) struct MemoryPlan {
    pub(crate) places: HashMap<NodeId, Place>,
    /// In floats.
    pub(crate) len: usize,
}

#[derive(Debug)]
struct Life {
    /// The results that lie there, one after another: each but the first is written over the one before it.
    ids: Vec<NodeId>,
    len: usize,
    first: usize,
    last: usize,
}

/// Plans the memory of a schedule for batches of `batch` examples; `None` if it overflows.
pub(crate) fn plan(graph: &Graph, schedule: &Schedule, batch: usize) -> Option<MemoryPlan> {
    let mut lives = lives(graph, schedule, batch)?;
    lives.sort_by_key(|life| (std::cmp::Reverse(life.len), life.first, life.ids[0]));
    let mut placed: Vec<(usize, Life)> = Vec::new();
    for life in lives {
        let mut taken: Vec<_> = placed
            .iter()
            .filter(|(_, other)| other.first <= life.last && life.first <= other.last)
            .map(|(offset, other)| (*offset, offset + whole_lines(other.len)))
            .collect();
        taken.sort_unstable();
        let mut offset = 0usize;
        for (start, end) in taken {
            if offset.checked_add(whole_lines(life.len))? <= start {
                break;
            }
            offset = offset.max(end);
        }
        placed.push((offset, life));
    }
    let mut len = 0usize;
    for (offset, life) in &placed {
        len = len.max(offset.checked_add(whole_lines(life.len))?);
    }
    let place = |(offset, life): &(usize, Life)| {
        let place = Place::Arena(*offset, life.len);
        life.ids.iter().map(move |&id| (id, place)).collect::<Vec<_>>()
    };
    let places = placed.iter().flat_map(place).collect();
    Some(MemoryPlan { places, len })
}

/// For each result, the first and last group that touch it.
fn lives(graph: &Graph, schedule: &Schedule, batch: usize) -> Option<Vec<Life>> {
    let mut lives: Vec<Life> = Vec::new();
    let mut index: HashMap<NodeId, usize> = HashMap::new();
    for (step, group) in schedule.0.iter().enumerate() {
        for &id in &group.outputs {
            let len = graph.shape(id).iter().try_fold(1usize, |n, d| n.checked_mul(d.at(batch)))?;
            // Beyond this, byte counts would overflow.
            if len > usize::MAX / 16 {
                return None;
            }
            index.insert(id, lives.len());
            lives.push(Life { ids: vec![id], len, first: step, last: step });
        }
        for id in &group.inputs {
            if let Some(&life) = index.get(id) {
                lives[life].last = step;
            }
        }
    }
    for (_, id) in graph.outputs() {
        if let Some(&life) = index.get(&storage(graph, *id)) {
            lives[life].last = schedule.0.len();
        }
    }
    Some(in_place(schedule, lives, index))
}

/// Lets a chain of elementwise operators write over an operand of the same size that nobody reads any more: an operand of
/// that size is read at the very element that is written.
fn in_place(schedule: &Schedule, lives: Vec<Life>, mut index: HashMap<NodeId, usize>) -> Vec<Life> {
    let mut lives: Vec<Option<Life>> = lives.into_iter().map(Some).collect();
    for (step, group) in schedule.0.iter().enumerate() {
        let (Kind::Elementwise { .. }, &[output]) = (&group.kind, &group.outputs[..]) else { continue };
        let Some(own) = index.get(&output).copied() else { continue };
        let size = lives[own].as_ref().map(|life| life.len);
        let dies = |life: &Life| life.last == step && Some(life.len) == size && life.len > 0;
        let free = |id: &NodeId| index.get(id).copied().filter(|&at| lives[at].as_ref().is_some_and(dies));
        let Some(operand) = group.inputs.iter().find_map(free).filter(|&operand| operand != own) else { continue };
        let Some(taken) = lives[own].take() else { continue };
        if let Some(life) = &mut lives[operand] {
            life.ids.extend(taken.ids);
            life.last = taken.last;
        }
        index.insert(output, operand);
    }
    lives.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::{Fusion, schedule};
    use kamado_graph::shape::{Shape, TensorType};

    #[test]
    fn lives_that_overlap_in_time_do_not_overlap_in_memory_and_others_share() {
        let mut g = Graph::new();
        let mut x = g.input("x", TensorType::f32(Shape::batched(&[100]))).unwrap();
        for _ in 0..6 {
            x = g.softmax(x).unwrap();
        }
        g.set_output("y", x);
        let schedule = schedule(&g, Fusion::On);
        let plan = plan(&g, &schedule, 3).unwrap();
        assert_eq!(plan.len, 2 * whole_lines(300));
        let lives = lives(&g, &schedule, 3).unwrap();
        for (i, a) in lives.iter().enumerate() {
            for b in &lives[..i] {
                let apart = a.last < b.first || b.last < a.first;
                let (Place::Arena(p, n), Place::Arena(q, m)) = (plan.places[&a.ids[0]], plan.places[&b.ids[0]]) else {
                    panic!()
                };
                assert!(apart || p + n <= q || q + m <= p);
            }
        }
    }

    #[test]
    fn a_chain_writes_over_an_operand_that_nobody_reads_again() {
        let mut g = Graph::new();
        let x = g.input("x", TensorType::f32(Shape::batched(&[100]))).unwrap();
        let a = g.softmax(x).unwrap();
        let b = g.softmax(a).unwrap();
        let sum = g.add(a, b).unwrap();
        let y = g.softmax(sum).unwrap();
        g.set_output("y", y);
        let plan = plan(&g, &schedule(&g, Fusion::On), 3).unwrap();
        let at = |id| plan.places[&id];
        assert!(at(sum) == at(a) || at(sum) == at(b));
        assert!(at(a) != at(b) && at(y) != at(sum));
        assert_eq!(plan.len, 2 * whole_lines(300));
    }

    #[test]
    fn absurd_sizes_are_no_plan() {
        let mut g = Graph::new();
        let x = g.input("x", TensorType::f32(Shape::batched(&[1 << 40]))).unwrap();
        let y = g.softmax(x).unwrap();
        g.set_output("y", y);
        assert!(plan(&g, &schedule(&g, Fusion::On), 1 << 40).is_none());
    }
}
