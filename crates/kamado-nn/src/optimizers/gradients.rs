//! From the gradients of a step to the updates: accumulated, clipped, followed.

use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId, Role, Update, VariableId, VariableInfo};
use kamado_graph::op::Op;
use kamado_graph::shape::Shape;
use kamado_graph::update::{Accumulate, Settings, UpdateRule};

use super::{Optimizer, Options};
use crate::error::NnError;

impl Optimizer {
    /// Adds the updates of `weights` by their gradients, with the optimiser's state.
    ///
    /// # Errors
    /// [`NnError::Optimizer`] if a setting is out of range or a group matches no weight.
    pub(crate) fn follow(
        &self,
        graph: &mut Graph,
        weights: &[VariableId],
        gradients: Vec<NodeId>,
    ) -> Result<(), NnError> {
        let (rule, name, options) = (self.update_rule()?, self.name(), &self.options);
        let names: Vec<_> = weights.iter().map(|w| graph.variables()[w.index()].name.clone()).collect();
        options.check_groups(name, &names)?;
        let scope = graph.set_scope("optimizer");
        let gradients = match options.every() {
            1 => gradients,
            steps => {
                let each = weights.iter().zip(gradients);
                each.map(|(w, g)| accumulate(graph, name, steps, *w, g)).collect::<Result<_, _>>()?
            }
        };
        let gradients = options.clip(graph, gradients)?;
        graph.set_scope(scope);
        for ((&weight, gradient), path) in weights.iter().zip(gradients).zip(&names) {
            let looked_up = matches!(graph.node(gradient).op, Op::GatherGrad(_));
            let lazy = options.lazy_embeddings && looked_up && rule.is_elementwise();
            let settings = Settings { lazy, ..options.settings(path, self.weight_decay()) };
            graph.follow(rule, settings, weight, gradient, name);
        }
        Ok(())
    }
}

/// The mean of the gradients of the steps since the last update.
fn accumulate(
    graph: &mut Graph,
    optimizer: &str,
    steps: u64,
    weight: VariableId,
    gradient: NodeId,
) -> Result<NodeId, GraphError> {
    let VariableInfo { name, shape, .. } = graph.variables()[weight.index()].clone();
    let name = format!("{optimizer}.{name}.gradient_accumulator");
    let (variable, sum) = graph.variable(VariableInfo { name, shape, role: Role::Slot })?;
    let rule = UpdateRule::Accumulate(Accumulate { steps });
    graph.add_update(Update { rule, variable, slots: Vec::new(), value: gradient, settings: Settings::default() });
    let total = graph.add(sum, gradient)?;
    graph.scale(total, 1.0 / steps as f64)
}

impl Options {
    /// The gradients, cut or made shorter.
    ///
    /// Norms are sums of squares in the order of the weights, so they do not depend on the number of threads. If one is
    /// not finite, the gradients that it is for become NaN, as with Keras' `global_clipnorm`: training then stops with
    /// an error, where a factor of 0 would hide what has happened.
    fn clip(&self, graph: &mut Graph, gradients: Vec<NodeId>) -> Result<Vec<NodeId>, GraphError> {
        if let Some(most) = self.clipvalue {
            return gradients.into_iter().map(|g| clip_by_value(graph, g, most)).collect();
        }
        if let Some(most) = self.clipnorm {
            let clip = |g| {
                let square = squared_norm(graph, g)?;
                let factor = factor(graph, square, most)?;
                graph.mul(g, factor)
            };
            return gradients.into_iter().map(clip).collect();
        }
        let Some(most) = self.global_clipnorm else { return Ok(gradients) };
        let squares = gradients.iter().map(|&g| squared_norm(graph, g)).collect::<Result<Vec<_>, _>>()?;
        let Some((&first, rest)) = squares.split_first() else { return Ok(gradients) };
        let total = rest.iter().try_fold(first, |sum, &square| graph.add(sum, square))?;
        let factor = factor(graph, total, most)?;
        gradients.into_iter().map(|g| graph.mul(g, factor)).collect()
    }
}

/// `min(max(g, -most), most)`.
fn clip_by_value(graph: &mut Graph, g: NodeId, most: f64) -> Result<NodeId, GraphError> {
    let (low, high) = (graph.constant(-most, Shape::scalar())?, graph.constant(most, Shape::scalar())?);
    let g = graph.maximum(g, low)?;
    graph.minimum(g, high)
}

/// `Σ g²`.
fn squared_norm(graph: &mut Graph, g: NodeId) -> Result<NodeId, GraphError> {
    let axes: Vec<_> = (0..graph.shape(g).rank()).collect();
    let squares = graph.square(g)?;
    graph.sum(squares, &axes, false)
}

/// `most / max(n, most) + (n - n)` for the norm `n`, given squared; the last term is NaN where `n` is not finite.
fn factor(graph: &mut Graph, squared: NodeId, most: f64) -> Result<NodeId, GraphError> {
    let norm = graph.sqrt(squared)?;
    let most = graph.constant(most, Shape::scalar())?;
    let longer = graph.maximum(norm, most)?;
    let factor = graph.div(most, longer)?;
    let nothing = graph.sub(norm, norm)?;
    graph.add(factor, nothing)
}
