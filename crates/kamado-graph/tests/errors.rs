//! What a user reads when shapes do not fit: the layer, what was expected and what came.

use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::ops::{AveragePool2d, Conv2d, MaxPool2d, Padding};
use kamado_graph::shape::{Dim, Shape, TensorType};

/// A graph in the layer `dense_1` with three inputs: two of floats, one of integers `[B]`.
fn graph(a: &[usize], b: &[usize]) -> (Graph, NodeId, NodeId, NodeId) {
    let mut graph = Graph::new();
    let a = graph.input("a", TensorType::f32(Shape::batched(a))).unwrap();
    let b = graph.input("b", TensorType::f32(Shape::fixed(b))).unwrap();
    let i = graph.input("i", TensorType::i32(Shape::batched(&[]))).unwrap();
    graph.set_scope("dense_1");
    (graph, a, b, i)
}

/// Checks that the error names the layer and contains every one of `parts`.
fn expect<T: std::fmt::Debug>(result: Result<T, GraphError>, parts: &[&str]) {
    let text = result.unwrap_err().to_string();
    for part in [&["layer \"dense_1\""], parts].concat() {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn shapes_that_do_not_fit() {
    let (mut g, a, b, i) = graph(&[4, 3], &[5, 2]);
    expect(g.add(a, b), &["add: ", "[B, 4, 3]", "[5, 2]", "do not broadcast"]);
    expect(g.matmul(a, b, false, false), &["matmul: ", "[B, 4, 3]", "[5, 2]", "differ: 3 and 5"]);
    expect(g.matmul(a, b, false, true), &["[5, 2] transposed", "differ: 3 and 2"]);
    expect(g.reshape(a, Shape::batched(&[5])), &["reshape: ", "[B, 4, 3] (12B elements)", "[B, 5] (5B elements)"]);
    expect(g.transpose(a, &[0, 1]), &["[0, 1] does not reorder", "[B, 4, 3]"]);
    expect(g.sum(a, &[1, 3], false), &["sum: ", "[1, 3]", "[B, 4, 3]"]);
    expect(g.expand(a, Shape::fixed(&[2])), &["[B, 4, 3] does not broadcast to [2]"]);
    expect(g.sigmoid_cross_entropy(a, b), &["logits [B, 4, 3] and targets [5, 2]"]);
    expect(g.relu(i), &["relu: expects floats, got i32[B]"]);
    expect(g.dropout(a, 1.5, 0), &["the rate must be at least 0 and below 1, got 1.5"]);
    let pairs = Shape(vec![Dim::B, Dim::B]);
    expect(g.constant(1.0, pairs), &["a result of shape [B, B] has too many elements"]);
}

#[test]
fn scalars_have_no_last_axis() {
    let (mut g, _, _, i) = graph(&[], &[]);
    let scalar = g.constant(1.0, Shape::scalar()).unwrap();
    expect(g.softmax(scalar), &["softmax: expects at least one axis, got a scalar"]);
    expect(g.log_softmax(scalar), &["got a scalar"]);
    expect(g.softmax_cross_entropy(scalar, i), &["got a scalar"]);
}

#[test]
fn images_that_do_not_fit() {
    let (mut g, image, flat, _) = graph(&[6, 6, 2], &[6]);
    let (pool_size, strides, padding) = ([7, 2], [2, 2], Padding::Valid);
    let too_large =
        "along the height, a window of 7 cells does not fit into 6; make it smaller or the padding \"same\"";
    expect(g.max_pool2d(image, MaxPool2d { pool_size, strides, padding }), &["max_pool2d: ", too_large]);
    expect(g.average_pool2d(image, AveragePool2d { pool_size, strides, padding }), &["average_pool2d: ", too_large]);
    let still = MaxPool2d { pool_size: [2, 2], strides: [2, 0], padding };
    expect(g.max_pool2d(image, still), &["along the width", "must be at least 1, got 2, 0 and 1"]);
    expect(g.max_pool2d(flat, still), &["[batch, height, width, channels], got [6]"]);
    let pool = MaxPool2d { pool_size: [2, 2], strides: [2, 2], padding };
    expect(g.max_pool2d_grad(image, image, pool), &["gradient has shape [B, 6, 6, 2]", "has shape [B, 3, 3, 2]"]);
    let kernel = g.constant(1.0, Shape::fixed(&[3, 3, 2, 5])).unwrap();
    let conv = Conv2d::default();
    let input_grad = g.conv2d_input_grad(image, kernel, conv, Shape::batched(&[6, 6, 2]));
    expect(input_grad, &["gradient has shape [B, 6, 6, 2]", "has shape [B, 4, 4, 5]"]);
    let kernel_grad = g.conv2d_kernel_grad(image, image, conv, [3, 3]);
    expect(kernel_grad, &["gradient has shape [B, 6, 6, 2]", "has shape [B, 4, 4, 2]"]);
}

#[test]
fn gradients_that_do_not_exist() {
    let (mut g, logits, _, labels) = graph(&[3], &[]);
    let loss = g.softmax_cross_entropy(logits, labels).unwrap();
    let mean = g.mean(loss, &[0], false).unwrap();
    let wrong = g.gradients(mean, &[labels]).unwrap_err().to_string();
    assert!(wrong.contains("no gradient reaches input \"i\"") && wrong.contains("labels are integers"), "{wrong}");
}
