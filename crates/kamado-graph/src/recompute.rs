//! Values of the forward pass that are computed again for the backward pass instead of being kept: activation
//! checkpointing (Chen et al., "Training deep nets with sublinear memory cost", 2016) as a pass over the whole graph.

use std::collections::HashMap;

use crate::graph::{Graph, Node, NodeId, Update};
use crate::op::Op;

/// The prefix of the scopes of values that are computed again.
const AGAIN: &str = "again:";

impl Graph {
    /// The number of nodes that belong to the forward pass, which ends at `loss`.
    pub fn forward_len(&self, loss: NodeId) -> usize {
        loss.index() + 1
    }

    /// The forward values that nodes after `loss` read, other than inputs, variables and constants: what has to be kept
    /// until the backward pass.
    pub fn kept_for_backward(&self, loss: NodeId) -> Vec<NodeId> {
        let forward = self.forward_len(loss);
        let mut read = vec![false; forward];
        for node in &self.nodes[forward..] {
            node.inputs.iter().filter(|id| id.index() < forward).for_each(|id| read[id.index()] = true);
        }
        (0..forward).filter(|&i| read[i] && !is_source(&self.nodes[i].op)).map(|i| NodeId(i as u32)).collect()
    }

    /// The same computation, in which the backward pass computes every forward value again unless `keep` says of it that
    /// it is kept. What is computed again stands in the graph right before its first reader, so that it lives shortly;
    /// random masks are functions of their place and stay the same.
    pub fn recompute(&self, loss: NodeId, keep: &dyn Fn(NodeId) -> bool) -> Graph {
        let forward = self.forward_len(loss);
        let mut pass =
            Pass { from: self, keep, forward, to: self.clone(), again: HashMap::new(), moved: HashMap::new() };
        pass.to.nodes.truncate(forward);
        for (index, node) in self.nodes.iter().enumerate().skip(forward) {
            let inputs = node.inputs.iter().map(|&id| pass.input(id)).collect();
            let id = pass.add(Node { inputs, ..node.clone() });
            pass.moved.insert(NodeId(index as u32), id);
        }
        let place = |id: NodeId| pass.moved.get(&id).copied().unwrap_or(id);
        let outputs = self.outputs.iter().map(|(name, id)| (name.clone(), place(*id))).collect();
        let updates = self.updates.iter().map(|u| Update { value: place(u.value), ..u.clone() }).collect();
        Graph { outputs, updates, ..pass.to }
    }
}

fn is_source(op: &Op) -> bool {
    matches!(op, Op::Input(_) | Op::Variable(_) | Op::Constant(_))
}

struct Pass<'a> {
    from: &'a Graph,
    keep: &'a dyn Fn(NodeId) -> bool,
    forward: usize,
    to: Graph,
    /// Forward values that have been computed again.
    again: HashMap<NodeId, NodeId>,
    /// Where the nodes of the backward pass are now.
    moved: HashMap<NodeId, NodeId>,
}

impl Pass<'_> {
    fn add(&mut self, node: Node) -> NodeId {
        self.to.nodes.push(node);
        NodeId(self.to.nodes.len() as u32 - 1)
    }

    /// The node that a reader in the backward pass takes for `id`.
    fn input(&mut self, id: NodeId) -> NodeId {
        if id.index() >= self.forward {
            return self.moved[&id];
        }
        // A stack of our own, since chains of values that are not kept may be long.
        let mut stack = vec![id];
        while let Some(&top) = stack.last() {
            let node = self.from.node(top);
            if self.known(top).is_some() {
                stack.pop();
                continue;
            }
            let missing: Vec<_> = node.inputs.iter().copied().filter(|&i| self.known(i).is_none()).collect();
            if missing.is_empty() {
                let inputs = node.inputs.iter().filter_map(|&i| self.known(i)).collect();
                let scope = format!("{AGAIN}{}", node.scope);
                let copy = self.add(Node { inputs, scope, ..node.clone() });
                self.again.insert(top, copy);
            }
            stack.extend(missing);
        }
        self.known(id).unwrap_or(id)
    }

    /// The node that holds the forward value `id` for the backward pass, if there is one yet.
    fn known(&self, id: NodeId) -> Option<NodeId> {
        let kept = is_source(&self.from.node(id).op) || (self.keep)(id);
        if kept { Some(id) } else { self.again.get(&id).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Role, VariableInfo};
    use crate::interpreter::{Run, evaluate};
    use crate::shape::{Shape, TensorType};
    use crate::tensor::Tensor;

    /// Three layers `x ← tanh(x · W) · dropout` in scopes of their own, and the gradients of the sum of squares.
    fn chain() -> (Graph, NodeId) {
        let mut g = Graph::new();
        let mut x = g.input("x", TensorType::f32(Shape::batched(&[3]))).unwrap();
        let mut weights = Vec::new();
        for layer in 0..3 {
            g.set_scope(format!("layer_{layer}"));
            let info = VariableInfo { name: format!("w{layer}"), shape: vec![3, 3], role: Role::Trainable };
            let (_, w) = g.variable(info).unwrap();
            weights.push(w);
            let product = g.matmul(x, w, false, false).unwrap();
            let activated = g.tanh(product).unwrap();
            x = g.dropout(activated, 0.3, layer).unwrap();
        }
        let square = g.square(x).unwrap();
        let loss = g.sum(square, &[0, 1], false).unwrap();
        let gradients = g.gradients(loss, &weights).unwrap();
        g.set_output("loss", loss);
        gradients.iter().enumerate().for_each(|(i, &d)| g.set_output(&format!("d{i}"), d));
        (g, loss)
    }

    #[test]
    fn nothing_changes_but_what_is_kept() {
        let (graph, loss) = chain();
        let x = Tensor::from_fn(vec![2, 3], |i| 0.3 * i[0] as f64 - 0.2 * i[1] as f64 + 0.1);
        let weights: Vec<_> =
            (0..3).map(|k| Tensor::from_fn(vec![3, 3], |i| ((i[0] * 3 + i[1] + k) as f64).sin())).collect();
        let run = Run { batch: 2, ..Run::default() };
        let results = |g: &Graph| evaluate(g, &[("x", x.clone())], &weights, &run).unwrap();
        let expected = results(&graph);
        for layer in 0..=3 {
            let scope = format!("layer_{layer}");
            let again = graph.recompute(loss, &|id| graph.node(id).scope != scope);
            again.verify().unwrap();
            assert_eq!(results(&again), expected);
            let kept = |g: &Graph| {
                let loss = g.output("loss").unwrap();
                g.kept_for_backward(loss).iter().filter(|id| g.node(**id).scope == scope).count()
            };
            assert!(kept(&graph) > 0 || layer == 3);
            assert_eq!(kept(&again), 0, "{scope}");
        }
        let none = graph.recompute(loss, &|_| false);
        assert_eq!(results(&none), expected);
        assert!(none.kept_for_backward(none.output("loss").unwrap()).is_empty());
        assert_eq!(graph.recompute(loss, &|_| true), graph);
    }
}
