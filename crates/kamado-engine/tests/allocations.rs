//! A step on a batch size that has been met before allocates nothing, on any thread.

use std::alloc::System;

use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::graph::{Graph, Role, VariableInfo};
use kamado_graph::ops::Conv2d;
use kamado_graph::shape::{Dim, Shape, TensorType};
use kamado_graph::update::{Adam, Settings, StepInfo, UpdateRule};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A convolution with dropout, a dense layer, their losses and Adam.
fn network() -> Graph {
    let mut g = Graph::new();
    let x = g.input("x", TensorType::f32(Shape::batched(&[9, 9, 1]))).unwrap();
    let labels = g.input("labels", TensorType::i32(Shape(vec![Dim::B]))).unwrap();
    let weight = |g: &mut Graph, name: &str, shape: &[usize]| {
        g.variable(VariableInfo { name: name.into(), shape: shape.to_vec(), role: Role::Trainable }).unwrap()
    };
    let (kernel, dense) = (weight(&mut g, "kernel", &[3, 3, 1, 8]), weight(&mut g, "dense", &[392, 10]));
    let y = g.conv2d(x, kernel.1, Conv2d::default()).unwrap();
    let y = g.relu(y).unwrap();
    let y = g.dropout(y, 0.25, 1).unwrap();
    let y = g.reshape(y, Shape::batched(&[392])).unwrap();
    let logits = g.matmul(y, dense.1, false, false).unwrap();
    let losses = g.softmax_cross_entropy(logits, labels).unwrap();
    let loss = g.mean(losses, &[0], false).unwrap();
    g.set_output("loss", loss);
    let gradients = g.gradients(loss, &[kernel.1, dense.1]).unwrap();
    for (variable, value) in [kernel.0, dense.0].into_iter().zip(gradients) {
        let rule = UpdateRule::Adam(Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false });
        g.follow(rule, Settings::default(), variable, value, "adam");
    }
    g
}

#[test]
fn a_step_allocates_nothing() {
    let g = network();
    let mut store = Store::new(g.variables()).unwrap();
    let runtime = Runtime::new(Some(2)).unwrap();
    let mut session = Session::new(&runtime, g, &store).unwrap();
    let (x, labels) = (vec![0.5; 32 * 81], [3; 32]);
    let mut step = |step| {
        let feeds = [("x", Feed::F32(&x)), ("labels", Feed::I32(&labels))];
        let info = StepInfo { seed: 1, step, learning_rate: 0.01 };
        session.run(&mut store, 32, &info, &feeds).unwrap().get("loss").unwrap()[0]
    };
    step(0);
    // The threads of the test harness allocate too, once in a while; a step that allocates would in every round.
    let rounds: Vec<usize> = (0..5)
        .map(|round| {
            let region = Region::new(ALLOCATOR);
            (1..50).for_each(|n| assert!(step(round * 50 + n).is_finite()));
            let change = region.change();
            change.allocations + change.reallocations
        })
        .collect();
    assert!(rounds.contains(&0), "allocations in each round of 49 steps: {rounds:?}");
}
