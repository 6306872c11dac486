//! How much arithmetic a graph asks for.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

/// The multiplications and additions of the graph on a batch of `batch` examples: those of the products in products,
/// convolutions, attention and recurrences (once for each result of a recurrence); one for each element of any other result.
pub fn arithmetic(graph: &Graph, batch: usize) -> f64 {
    of_nodes(graph, 0..graph.nodes().len(), batch)
}

/// Those of some nodes.
pub(crate) fn of_nodes(graph: &Graph, nodes: std::ops::Range<usize>, batch: usize) -> f64 {
    nodes.map(|index| of_node(graph, NodeId(index as u32), batch)).sum()
}

/// Whether most of the arithmetic of networks is in operators like this one.
pub(crate) fn is_product(op: &Op) -> bool {
    use Op::*;
    matches!(
        op,
        MatMul(_)
            | Conv2d(_)
            | Conv2dInputGrad(_)
            | Conv2dKernelGrad(_)
            | Attention(_)
            | AttentionLogSumExp(_)
            | Recurrent(_)
            | RecurrentTape(_)
    )
}

fn of_node(graph: &Graph, id: NodeId, batch: usize) -> f64 {
    let node = graph.node(id);
    let dims = |id: NodeId| graph.shape(id).at(batch);
    let elements = |id: NodeId| dims(id).iter().map(|&n| n as f64).product::<f64>();
    match &node.op {
        Op::MatMul(op) => {
            let a = dims(node.inputs[0]);
            2.0 * elements(id) * a[a.len() - if op.transpose_a { 2 } else { 1 }] as f64
        }
        // A product for each element of the result and each of the kernel that meets it.
        Op::Conv2d(_) => 2.0 * elements(id) * window(&dims(node.inputs[1])),
        Op::Conv2dInputGrad(_) => 2.0 * elements(node.inputs[0]) * window(&dims(node.inputs[1])),
        Op::Conv2dKernelGrad(_) => 2.0 * elements(node.inputs[1]) * window(&dims(id)),
        // Two products forward and five backward, half of them beyond what a causal query sees.
        Op::Attention(op) => scores(&dims(node.inputs[0]), &dims(node.inputs[1]), op.causal) * 4.0,
        Op::AttentionLogSumExp(_) => 0.0,
        Op::AttentionQueryGrad(op) => scores(&dims(node.inputs[0]), &dims(node.inputs[1]), op.attention.causal) * 6.0,
        Op::AttentionKeyGrad(op) => scores(&dims(node.inputs[0]), &dims(node.inputs[1]), op.attention.causal) * 2.0,
        Op::AttentionValueGrad(op) => scores(&dims(node.inputs[0]), &dims(node.inputs[1]), op.attention.causal) * 2.0,
        // Each element of the projected input, or of its gradient, meets a row or column of the recurrent kernel.
        Op::Recurrent(_) => 2.0 * elements(node.inputs[0]) * dims(node.inputs[1])[0] as f64,
        Op::RecurrentGrad(_) => 2.0 * elements(id) * dims(node.inputs[1])[0] as f64,
        Op::RecurrentKernelGrad(_) => 2.0 * elements(node.inputs[1]) * dims(id)[0] as f64,
        Op::RecurrentTape(_) => 0.0,
        Op::Input(_) | Op::Variable(_) | Op::Constant(_) | Op::Reshape(_) | Op::Expand(_) => 0.0,
        _ => elements(id),
    }
}

/// The products for one element of a convolution's result.
fn window(kernel: &[usize]) -> f64 {
    kernel[..3].iter().map(|&n| n as f64).product()
}

/// Pairs of a query and a key that it sees, times the size of a head.
fn scores(q: &[usize], k: &[usize], causal: bool) -> f64 {
    let pairs: f64 = q.iter().map(|&n| n as f64).product::<f64>() * k[1] as f64;
    if causal { pairs / 2.0 } else { pairs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kamado_graph::ops::Conv2d;
    use kamado_graph::shape::{Shape, TensorType};

    #[test]
    fn a_convolution_and_its_gradients_cost_the_same() {
        let mut g = Graph::new();
        let x = g.input("x", TensorType::f32(Shape::batched(&[8, 8, 3]))).unwrap();
        let k = g.input("k", TensorType::f32(Shape::fixed(&[3, 3, 3, 5]))).unwrap();
        let y = g.conv2d(x, k, Conv2d::default()).unwrap();
        let w = g.input("w", TensorType::f32(Shape::fixed(&[5, 7]))).unwrap();
        let z = g.matmul(y, w, false, false).unwrap();
        let loss = g.sum(z, &[0, 1, 2, 3], false).unwrap();
        let before = arithmetic(&g, 2);
        let products = 2.0 * (2.0 * 36.0 * 5.0 * 27.0 + 2.0 * 36.0 * 7.0 * 5.0);
        assert!(before >= products && before < products + 2.0, "{before}");
        g.gradients(loss, &[x, k, w]).unwrap();
        let after = arithmetic(&g, 2);
        assert!(after > 2.99 * products && after < 3.2 * products, "{after} against {products} forward");
    }
}
