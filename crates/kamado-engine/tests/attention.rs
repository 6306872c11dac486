//! Attention in a training step is two kernels: the result with the logarithm of its sums, and the three gradients.

use kamado_engine::{Runtime, Session, Store};
use kamado_graph::graph::Graph;
use kamado_graph::ops::Attention;
use kamado_graph::shape::{Shape, TensorType};

#[test]
fn forward_and_backward_are_one_kernel_each() {
    for masked in [false, true] {
        let mut g = Graph::new();
        let qkv = ["q", "k", "v"].map(|name| g.input(name, TensorType::f32(Shape::batched(&[5, 2, 4]))).unwrap());
        let mask = masked.then(|| g.input("mask", TensorType::f32(Shape::batched(&[5]))).unwrap());
        let y = g.attention(qkv, mask, Attention::new(true, 0.5)).unwrap();
        let loss = g.sum(y, &[0, 1, 2, 3], false).unwrap();
        let gradients = g.gradients(loss, &qkv).unwrap();
        g.set_output("loss", loss);
        gradients.iter().enumerate().for_each(|(i, &id)| g.set_output(&format!("d{i}"), id));
        let session = Session::new(&Runtime::new(Some(1)).unwrap(), g, &Store::new(&[]).unwrap()).unwrap();
        let schedule = session.schedule();
        assert_eq!(schedule.matches(" = attention+attention_log_sum_exp(").count(), 1, "{schedule}");
        let backward = " = attention_query_grad+attention_key_grad+attention_value_grad(";
        assert_eq!(schedule.matches(backward).count(), 1, "{schedule}");
        assert_eq!(schedule.matches("attention_").count(), 4, "{schedule}");
    }
}
