//! What operators do at ties, with NaN, with labels that do not exist and with logits that overflow.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::interpreter::{Run, evaluate};
use kamado_graph::ops::{MaxPool2d, Padding};
use kamado_graph::shape::{Shape, TensorType};
use kamado_graph::tensor::Tensor;

/// The result of `build` on one input of these numbers, and the gradient of its sum.
fn value_and_gradient(
    shape: &[usize],
    x: &[f64],
    build: impl Fn(&mut Graph, NodeId) -> NodeId,
) -> (Vec<f64>, Vec<f64>) {
    let mut graph = Graph::new();
    let input = graph.input("x", TensorType::f32(Shape::fixed(shape))).unwrap();
    let y = build(&mut graph, input);
    let loss = graph.sum(y, &(0..graph.shape(y).rank()).collect::<Vec<_>>(), false).unwrap();
    let dx = graph.gradients(loss, &[input]).unwrap()[0];
    graph.set_output("y", y);
    graph.set_output("dx", dx);
    let feeds = [("x", Tensor::new(shape.to_vec(), x.to_vec()))];
    let mut results = evaluate(&graph, &feeds, &[], &Run::default()).unwrap();
    let dx = results.remove(1).1.data;
    (results.remove(0).1.data, dx)
}

fn max_pool(graph: &mut Graph, x: NodeId) -> NodeId {
    let pool = MaxPool2d { pool_size: [2, 2], strides: [2, 2], padding: Padding::Same };
    graph.max_pool2d(x, pool).unwrap()
}

#[test]
fn ties() {
    let (y, dx) = value_and_gradient(&[4], &[1.0, 3.0, 3.0, 2.0], |g, x| g.max(x, &[0], false).unwrap());
    assert_eq!((y, dx), (vec![3.0], vec![0.0, 0.5, 0.5, 0.0]));
    let halves = |g: &mut Graph, x| {
        let two = g.constant(2.0, Shape::scalar()).unwrap();
        g.maximum(x, two).unwrap()
    };
    let (y, dx) = value_and_gradient(&[3], &[1.0, 2.0, 3.0], halves);
    assert_eq!((y, dx), (vec![2.0, 2.0, 3.0], vec![0.0, 0.5, 1.0]));
    // The first of the largest, row by row.
    let (y, dx) = value_and_gradient(&[1, 2, 2, 1], &[1.0, 4.0, 4.0, 4.0], max_pool);
    assert_eq!((y, dx), (vec![4.0], vec![0.0, 1.0, 0.0, 0.0]));
    let at_zero = |f: fn(&mut Graph, NodeId) -> NodeId| value_and_gradient(&[1], &[0.0], f);
    assert_eq!(at_zero(|g, x| g.relu(x).unwrap()), (vec![0.0], vec![0.0]));
    assert_eq!(at_zero(|g, x| g.abs(x).unwrap()), (vec![0.0], vec![0.0]));
}

#[test]
fn infinities_and_nan() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let (y, dx) = value_and_gradient(&[3], &[1.0, inf, -inf], |g, x| g.max(x, &[0], false).unwrap());
    assert_eq!((y, dx), (vec![inf], vec![0.0, 1.0, 0.0]));
    let image = [-inf, -inf, -inf, -inf, 1.0, 7.0, nan, 2.0];
    let (y, dx) = value_and_gradient(&[2, 2, 2, 1], &image, max_pool);
    assert!(y[0] == -inf && y[1].is_nan(), "{y:?}");
    assert_eq!(dx, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert!(value_and_gradient(&[2], &[nan, 1.0], |g, x| g.relu(x).unwrap()).0[0].is_nan());
}

#[test]
fn large_logits_do_not_overflow() {
    let (y, dx) = value_and_gradient(&[1, 2], &[1000.0, -1000.0], |g, x| g.log_softmax(x).unwrap());
    assert_eq!((y, dx), (vec![0.0, -2000.0], vec![-1.0, 1.0]));
    let (y, dx) = value_and_gradient(&[2], &[1000.0, -1000.0], |g, x| {
        let one = g.constant(1.0, Shape::fixed(&[2])).unwrap();
        g.sigmoid_cross_entropy(x, one).unwrap()
    });
    assert_eq!((y, dx), (vec![0.0, 1000.0], vec![0.0, -1.0]));
}

#[test]
fn a_label_that_does_not_exist_gives_nan() {
    let mut graph = Graph::new();
    let logits = graph.input("logits", TensorType::f32(Shape::batched(&[2]))).unwrap();
    let labels = graph.input("labels", TensorType::i32(Shape::batched(&[]))).unwrap();
    let losses = graph.softmax_cross_entropy(logits, labels).unwrap();
    let loss = graph.sum(losses, &[0], false).unwrap();
    let gradient = graph.gradients(loss, &[logits]).unwrap()[0];
    graph.set_output("losses", losses);
    graph.set_output("gradient", gradient);
    let feeds = [("logits", Tensor::full(vec![3, 2], 0.0)), ("labels", Tensor::new(vec![3], vec![-1.0, 1.0, 2.0]))];
    let results = evaluate(&graph, &feeds, &[], &Run { batch: 3, ..Run::default() }).unwrap();
    let nan = |values: &[f64]| values.iter().map(|v| v.is_nan()).collect::<Vec<_>>();
    assert_eq!(nan(&results[0].1.data), [true, false, true]);
    assert_eq!(nan(&results[1].1.data), [true, true, false, false, true, true]);
}
