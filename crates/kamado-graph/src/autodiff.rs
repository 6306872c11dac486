//! Reverse-mode automatic differentiation: one strict driver over the operators' rules.
//!
//! Rules only return values. The driver alone adds up the gradients of a node with several readers, sums over
//! broadcast axes, and refuses when a path that matters has no rule. Gradients are nodes like any other.

use std::collections::HashMap;

use crate::error::GraphError;
use crate::graph::{Graph, NodeId};
use crate::op::{At, InputGradient};
use crate::shape::Shape;

impl Graph {
    /// Adds the nodes that compute the gradient of the scalar `loss` with respect to each of `targets`.
    ///
    /// # Errors
    /// [`GraphError::Gradient`] if the loss is not a scalar, if it does not depend on a target, or if the only way
    /// to a target leads through an operator without a gradient: a gradient never vanishes silently.
    pub fn gradients(&mut self, loss: NodeId, targets: &[NodeId]) -> Result<Vec<NodeId>, GraphError> {
        if !self.shape(loss).is_empty() {
            let why = format!("the loss must be a scalar, but has shape {}", self.shape(loss));
            return Err(self.no_gradient(loss, "the loss", why));
        }
        let depends = self.dependents(targets, loss);
        let mut gradients: HashMap<NodeId, NodeId> = HashMap::new();
        let mut zeros: Vec<String> = Vec::new();
        let outer = self.set_scope("");
        gradients.insert(loss, self.constant(1.0, Shape::scalar())?);
        for index in (0..=loss.index()).rev().filter(|&i| depends[i]) {
            self.propagate(NodeId(index as u32), &depends, &mut gradients, &mut zeros)?;
        }
        self.set_scope(outer);
        targets
            .iter()
            .map(|target| {
                gradients.get(target).copied().ok_or_else(|| {
                    let why = match zeros.as_slice() {
                        [] => "the loss does not depend on it".to_owned(),
                        zeros => format!("every path ends where the derivative is zero: {}", zeros.join("; ")),
                    };
                    self.no_gradient(*target, &self.describe(*target), why)
                })
            })
            .collect()
    }

    /// Which nodes up to `last` depend on a target.
    fn dependents(&self, targets: &[NodeId], last: NodeId) -> Vec<bool> {
        let mut depends = vec![false; self.nodes.len()];
        targets.iter().for_each(|t| depends[t.index()] = true);
        for index in 0..=last.index() {
            depends[index] |= self.nodes[index].inputs.iter().any(|i| depends[i.index()]);
        }
        depends
    }

    /// Asks the rule of one node and adds its answers to the gradients of its inputs.
    fn propagate(
        &mut self,
        output: NodeId,
        depends: &[bool],
        gradients: &mut HashMap<NodeId, NodeId>,
        zeros: &mut Vec<String>,
    ) -> Result<(), GraphError> {
        let node = self.node(output).clone();
        let Some(&gradient) = gradients.get(&output) else { return Ok(()) };
        if !node.inputs.iter().any(|i| depends[i.index()]) {
            return Ok(());
        }
        self.set_scope(gradient_scope(&node.scope));
        let answers = node.op.gradient(self, &At { inputs: &node.inputs, output, gradient })?;
        assert_eq!(
            answers.len(),
            node.inputs.len(),
            "the gradient rule of {} must answer for every input",
            node.op.name()
        );
        for (&input, answer) in node.inputs.iter().zip(answers) {
            if !depends[input.index()] {
                continue;
            }
            match answer {
                InputGradient::Rule(value) => {
                    let shape = self.shape(input).clone();
                    let value = self.sum_to(value, &shape)?;
                    let total = match gradients.get(&input) {
                        Some(&sum) => self.add(sum, value)?,
                        None => value,
                    };
                    gradients.insert(input, total);
                }
                InputGradient::Zero { why } | InputGradient::Constant { why } => {
                    zeros.push(format!("{} ({why})", self.describe(output)))
                }
                InputGradient::Stops { why } => {
                    return Err(self.no_gradient(
                        input,
                        &self.describe(input),
                        format!("{} has none: {why}", node.op.name()),
                    ));
                }
            }
        }
        Ok(())
    }

    fn describe(&self, id: NodeId) -> String {
        match &self.node(id).op {
            crate::op::Op::Variable(v) => format!("variable {:?}", self.variables[v.id.index()].name),
            crate::op::Op::Input(input) => format!("input {:?}", input.name),
            op => format!("{} ({id})", op.name()),
        }
    }

    fn no_gradient(&self, at: NodeId, target: &str, why: String) -> GraphError {
        GraphError::Gradient { scope: self.node(at).scope.clone(), target: target.to_owned(), why }
    }
}

/// The scope of the nodes that carry gradients through the layer `scope`.
fn gradient_scope(scope: &str) -> String {
    if scope.starts_with("grad:") { scope.to_owned() } else { format!("grad:{scope}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::TensorType;

    #[test]
    fn refuses_what_has_no_gradient() {
        let mut g = Graph::new();
        let x = g.input("x", TensorType::f32(Shape::batched(&[2]))).unwrap();
        let other = g.input("other", TensorType::f32(Shape::scalar())).unwrap();
        let step = g.step(x).unwrap();
        let loss = g.sum(step, &[0, 1], false).unwrap();
        let error = |g: &mut Graph, loss, target| g.gradients(loss, &[target]).unwrap_err().to_string();
        assert!(error(&mut g, x, x).contains("must be a scalar, but has shape [B, 2]"));
        assert!(error(&mut g, loss, other).contains("no gradient reaches input \"other\": the loss does not depend"));
        assert!(error(&mut g, loss, x).contains("piecewise constant"));
    }

    #[test]
    fn several_readers_add_up() {
        let mut g = Graph::new();
        let x = g.input("x", TensorType::f32(Shape::scalar())).unwrap();
        let square = g.mul(x, x).unwrap();
        let y = g.add(square, x).unwrap();
        let dx = g.gradients(y, &[x]).unwrap()[0];
        g.set_output("dx", dx);
        let feeds = [("x", crate::tensor::Tensor::full(vec![], 3.0))];
        let result = crate::interpreter::evaluate(&g, &feeds, &[], &crate::interpreter::Run::default()).unwrap();
        assert_eq!(result[0].1.data, [7.0]);
    }
}
