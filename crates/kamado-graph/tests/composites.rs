//! Composites where PyTorch's fixtures do not reach: values by hand, agreement with fused operators, and errors.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::interpreter::{Run, evaluate};
use kamado_graph::shape::{Shape, TensorType};
use kamado_graph::tensor::Tensor;

const BATCH: usize = 2;

fn inputs(graph: &mut Graph, dims: &[usize], names: [&str; 2]) -> [NodeId; 2] {
    names.map(|name| graph.input(name, TensorType::f32(Shape::batched(dims))).unwrap())
}

fn run(graph: &mut Graph, outputs: &[NodeId], feeds: &[(&str, Tensor)]) -> Vec<Vec<f64>> {
    outputs.iter().enumerate().for_each(|(i, &id)| graph.set_output(&i.to_string(), id));
    graph.verify().unwrap();
    let results = evaluate(graph, feeds, &[], &Run { batch: BATCH, ..Run::default() }).unwrap();
    results.into_iter().map(|(_, tensor)| tensor.data).collect()
}

fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
}

#[test]
fn losses_are_means_over_the_last_axis() {
    let mut graph = Graph::new();
    let [p, t] = inputs(&mut graph, &[3], ["p", "t"]);
    let losses = [
        graph.mean_squared_error(p, t).unwrap(),
        graph.mean_absolute_error(p, t).unwrap(),
        graph.huber(p, t, 2.0).unwrap(),
    ];
    let feeds = [
        ("p", Tensor::new(vec![BATCH, 3], vec![1.0, 2.0, 3.0, 0.0, 0.0, -4.0])),
        ("t", Tensor::new(vec![BATCH, 3], vec![1.0, 0.0, 6.0, 0.0, -1.0, 0.0])),
    ];
    let results = run(&mut graph, &losses, &feeds);
    assert!(close(&results[0], &[(4.0 + 9.0) / 3.0, (1.0 + 16.0) / 3.0]), "{results:?}");
    assert!(close(&results[1], &[5.0 / 3.0, 5.0 / 3.0]), "{results:?}");
    // |e| = 2 is the border, 3 and 4 lie beyond it: 2·(3 - 1) = 4 and 2·(4 - 1) = 6.
    assert!(close(&results[2], &[(2.0 + 4.0) / 3.0, (0.5 + 6.0) / 3.0]), "{results:?}");
}

#[test]
fn categorical_cross_entropy_agrees_with_the_operator_for_labels() {
    let mut graph = Graph::new();
    let [logits, one_hot] = inputs(&mut graph, &[3], ["logits", "one_hot"]);
    let labels = graph.input("labels", TensorType::i32(Shape::batched(&[]))).unwrap();
    let mut results = vec![
        graph.categorical_cross_entropy_from_logits(logits, one_hot).unwrap(),
        graph.softmax_cross_entropy(logits, labels).unwrap(),
    ];
    for loss in results.clone() {
        let mean = graph.mean(loss, &[0], false).unwrap();
        results.extend(graph.gradients(mean, &[logits]).unwrap());
    }
    let feeds = [
        ("logits", Tensor::new(vec![BATCH, 3], vec![1.0, -2.0, 0.5, 300.0, 0.0, 299.0])),
        ("one_hot", Tensor::new(vec![BATCH, 3], vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0])),
        ("labels", Tensor::new(vec![BATCH], vec![1.0, 2.0])),
    ];
    let values = run(&mut graph, &results, &feeds);
    assert!(close(&values[0], &values[1]) && close(&values[2], &values[3]), "{values:?}");
    let second = (1.0 + 1.0f64.exp()).ln();
    assert!((values[0][1] - second).abs() < 1e-12, "{values:?}");
}

#[test]
fn moments_are_biased_and_drop_their_axes() {
    let mut graph = Graph::new();
    let x = graph.input("x", TensorType::f32(Shape::batched(&[2, 2]))).unwrap();
    let (mean, variance) = graph.moments(x, &[0, 2]).unwrap();
    assert_eq!((graph.shape(mean), graph.shape(variance)), (&Shape::fixed(&[2]), &Shape::fixed(&[2])));
    let x = Tensor::new(vec![BATCH, 2, 2], vec![1.0, 2.0, 5.0, 5.0, 3.0, 6.0, 5.0, 9.0]);
    let values = run(&mut graph, &[mean, variance], &[("x", x)]);
    assert!(close(&values[0], &[3.0, 6.0]) && close(&values[1], &[3.5, 3.0]), "{values:?}");
}

#[test]
fn errors_name_the_layer_and_both_shapes() {
    let mut graph = Graph::new();
    let [p, _] = inputs(&mut graph, &[1], ["p", "q"]);
    let [t, _] = inputs(&mut graph, &[], ["t", "u"]);
    let channels = graph.input("c", TensorType::f32(Shape::fixed(&[3]))).unwrap();
    graph.set_scope("head");
    let wrong = graph.mean_squared_error(p, t).unwrap_err().to_string();
    assert_eq!(wrong, "layer \"head\": mean_squared_error: prediction [B, 1] and target [B] must have the same shape");
    let wrong = graph.batch_norm(p, channels, channels, channels, channels, 1e-3).unwrap_err().to_string();
    assert!(wrong.contains("gamma of shape [1] for the channels of [B, 1], got [3]"), "{wrong}");
    assert!(graph.huber(p, p, 0.0).unwrap_err().to_string().contains("delta must be positive and finite, got 0"));
    assert!(graph.moments(p, &[2]).unwrap_err().to_string().contains("[2] must ascend and lie within shape [B, 1]"));
}
