//! Mixed precision as a pass over a whole training step.

use std::collections::HashMap;

use crate::error::GraphError;
use crate::graph::{Graph, NodeId, Update};
use crate::op::Op;
use crate::shape::DType;

impl Graph {
    /// The same computation in bf16 mixed precision: every operand of a product, a convolution or an attention, and of
    /// their gradients, is rounded to bfloat16, and sums are taken in f32. Weights, updates, normalisation, softmax and
    /// loss stay in f32. No loss scaling is needed, since bfloat16 has the exponents of f32.
    ///
    /// For graphs that already hold their gradients: rounding itself has none.
    ///
    /// Source: Kalamkar et al., "A study of BFLOAT16 for deep learning training", 2019; the operators are those that
    /// PyTorch's `autocast` runs in bfloat16.
    ///
    /// # Errors
    /// If the graph is not well formed.
    pub fn in_bf16(&self) -> Result<Graph, GraphError> {
        let mut to = Graph { nodes: Vec::with_capacity(self.nodes.len()), ..self.clone() };
        let mut moved: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        let mut rounded: HashMap<NodeId, NodeId> = HashMap::new();
        for node in &self.nodes {
            let mut inputs: Vec<NodeId> = node.inputs.iter().map(|id| moved[id.index()]).collect();
            to.set_scope(&node.scope);
            for id in inputs.iter_mut().filter(|_| multiplies(&node.op)) {
                if to.node(*id).ty.dtype == DType::F32 {
                    *id = match rounded.get(id) {
                        Some(&known) => known,
                        None => {
                            let value = to.round_bf16(*id)?;
                            rounded.insert(*id, value);
                            value
                        }
                    };
                }
            }
            moved.push(to.push(node.op.clone(), &inputs)?);
        }
        let place = |id: NodeId| moved[id.index()];
        to.outputs = self.outputs.iter().map(|(name, id)| (name.clone(), place(*id))).collect();
        to.updates = self.updates.iter().map(|u| Update { value: place(u.value), ..u.clone() }).collect();
        to.set_scope(&self.scope);
        Ok(to)
    }
}

fn multiplies(op: &Op) -> bool {
    matches!(op, Op::MatMul(_) | Op::Conv2d(_) | Op::Conv2dInputGrad(_) | Op::Conv2dKernelGrad(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::{Run, evaluate};
    use crate::shape::{Shape, TensorType};
    use crate::tensor::Tensor;

    #[test]
    fn operands_are_rounded_once_and_sums_are_not() {
        let mut g = Graph::new();
        let x = g.input("x", TensorType::f32(Shape::batched(&[2]))).unwrap();
        let w = g.input("w", TensorType::f32(Shape::fixed(&[2, 1]))).unwrap();
        let y = g.matmul(x, w, false, false).unwrap();
        let loss = g.sum(y, &[0, 1], false).unwrap();
        let dw = g.gradients(loss, &[w]).unwrap()[0];
        g.set_output("y", y);
        g.set_output("dw", dw);
        let mixed = g.in_bf16().unwrap();
        mixed.verify().unwrap();
        let count = mixed.nodes().iter().filter(|n| n.op.name() == "round_bf16").count();
        assert_eq!(count, 3, "x, w and dy, each once");
        // 1.001 is nearest to 1 and 0.3 to 0.30078125; the sum has more digits than bfloat16.
        let feeds = [("x", Tensor::new(vec![1, 2], vec![1.001, 0.3])), ("w", Tensor::new(vec![2, 1], vec![1.0, 1.0]))];
        let results = evaluate(&mixed, &feeds, &[], &Run::default()).unwrap();
        assert_eq!(results[0].1.data, [1.30078125]);
        assert_eq!(results[1].1.data, [1.0, 0.30078125]);
    }
}
