//! DeepLIFT with the rescale rule: contributions of the difference between an example and a reference.
//!
//! Multipliers go back through the graph like gradients. Where an operator is linear in what depends on the input, its
//! own gradient rule holds; an elementwise nonlinearity multiplies by `Δy / Δx`, or by its slope where `Δx` vanishes;
//! maximum pooling follows the places of both largest numbers. Rules belong to nodes, so that a layer that is used
//! twice is no special case. An operator without a rule is refused by name.
//!
//! Source: Shrikumar et al., "Learning important features through propagating activation differences", 2017; pooling as
//! in Captum.

use std::collections::HashMap;

use kamado_engine::Session;
use kamado_graph::error::GraphError;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::{At, InputGradient, Op};
use kamado_graph::shape::Shape;

use super::{Found, fold};
use crate::error::{ExplainError, Result};
use crate::network::{Fed, Feeds, Network, SCORE, Site, add_direction};
use crate::rewrite::{copy_into, dependents, with_inputs};
use crate::runner::Runner;
use crate::sample::{Sample, Slot};
use crate::target::Target;

/// Differences below this count as none.
const NONE: f64 = 1e-5;
/// What precedes the names of the reference's inputs.
const REFERENCE: &str = "explain.reference.";

/// The contributions for each example, averaged over the references.
pub(crate) fn contributions(
    network: &mut Network,
    samples: &[&Sample],
    baselines: &[&Sample],
    targets: &[Target],
) -> Result<Vec<Found>> {
    let (points, starts) = (network.points(samples)?, network.points(baselines)?);
    let graph = multiplier_graph(network)?;
    let mut runner = Runner::new(Session::new(&network.runtime, graph, &network.store)?)?;
    let names: Vec<String> = runner.inputs().map(str::to_owned).collect();
    let renamed: Vec<Site> =
        network.sites.iter().map(|site| Site { name: format!("{REFERENCE}{}", site.name), ..site.clone() }).collect();
    let own = Feeds::of(&runner, &network.sites, &network.inputs);
    let reference = Feeds::of(&runner, &renamed, &[]);
    let count = starts.len();
    let mut totals: Vec<(Vec<f64>, f64, f64)> = vec![(vec![0.0; network.dim()], 0.0, 0.0); samples.len()];
    network.evaluations += 2 * samples.len() * count;
    let sites = network.sites.clone();
    runner.run(
        &mut network.store,
        samples.len() * count,
        &mut |row, number, mut slot| {
            let (sample, start) = (row / count, row % count);
            match (&own.0[number], &reference.0[number], &mut slot) {
                (Fed::Site(place), _, Slot::F32(to)) => to.copy_from_slice(&points[sample][place.clone()]),
                (_, Fed::Site(place), Slot::F32(to)) => to.copy_from_slice(&starts[start][place.clone()]),
                (Fed::Input(input), _, _) => slot.copy(&samples[sample].0[*input]),
                (_, _, Slot::F32(to)) if names[number] == crate::network::DIRECTION => {
                    to.copy_from_slice(&targets[sample].direction);
                }
                _ => {}
            }
        },
        &mut |row, outputs| {
            let (sample, start) = (row / count, row % count);
            let (values, at_x, at_b) = &mut totals[sample];
            *at_x += targets[sample].of(outputs[0]) / count as f64;
            *at_b += targets[sample].of(outputs[1]) / count as f64;
            let (mut from, mut next) = (0, 2);
            for site in &sites {
                if site.reached {
                    for (i, &m) in outputs[next].iter().enumerate() {
                        let change = f64::from(points[sample][from + i]) - f64::from(starts[start][from + i]);
                        values[from + i] += f64::from(m) * change / count as f64;
                    }
                    next += 1;
                }
                from += site.len;
            }
        },
    )?;
    let found = |(values, at_x, at_b): (Vec<f64>, f64, f64)| Found {
        values: fold(network, &values),
        error: None,
        ends: Some((at_x, at_b)),
        converged: true,
    };
    Ok(totals.into_iter().map(found).collect())
}

/// The example's and the reference's answers, and the multipliers of every site that matters.
fn multiplier_graph(network: &Network) -> Result<Graph> {
    let (mut graph, nodes) = with_inputs(&network.graph, &network.fed_sites())?;
    let first = graph.clone();
    let sites: Vec<NodeId> = network.sites.iter().map(|site| nodes[site.node.index()]).collect();
    let depends = dependents(&first, &sites);
    // The reference shares what does not depend on the sites: weights, masks, integers.
    let twins = copy_into(&first, &mut graph, |graph, node| match &first.node(node).op {
        Op::Input(input) if sites.contains(&node) => {
            Ok(Some(graph.input(&format!("{REFERENCE}{}", input.name), first.node(node).ty.clone())?))
        }
        _ if !depends[node.index()] => Ok(Some(node)),
        _ => Ok(None),
    })?;
    let score = nodes[network.score.index()];
    let total = add_direction(&mut graph, score, network.units)?;
    let mut depends = depends;
    depends.resize(graph.nodes().len(), false);
    let direction = total;
    let sum = graph.node(direction).inputs[0];
    let flat = graph.node(sum).inputs[0];
    for node in [flat, sum, direction] {
        depends[node.index()] = true;
    }
    let mut back = Back { graph: &mut graph, twins: &twins, depends: &depends, found: HashMap::new() };
    back.all(total)?;
    let found = back.found;
    graph.set_output(SCORE, score);
    graph.set_output("explain.reference", twins[score.index()]);
    for (i, site) in network.sites.iter().enumerate().filter(|(_, site)| site.reached) {
        let multiplier = found.get(&nodes[site.node.index()]).copied().ok_or_else(|| {
            ExplainError::request(
                format!("no multiplier reaches input {:?}", network.inputs[site.input].name),
                "Use integrated_gradients",
            )
        })?;
        graph.set_output(&format!("explain.multiplier.{i}"), multiplier);
    }
    Ok(graph)
}

/// Multipliers on their way back.
struct Back<'a> {
    graph: &'a mut Graph,
    twins: &'a [NodeId],
    depends: &'a [bool],
    found: HashMap<NodeId, NodeId>,
}

impl Back<'_> {
    fn all(&mut self, total: NodeId) -> Result<()> {
        let one = self.graph.constant(1.0, Shape::scalar())?;
        self.found.insert(total, one);
        for index in (0..=total.index()).rev().filter(|&i| self.depends[i]) {
            let output = NodeId(index as u32);
            if let Some(&gradient) = self.found.get(&output) {
                self.through(output, gradient)?;
            }
        }
        Ok(())
    }

    fn through(&mut self, output: NodeId, gradient: NodeId) -> Result<()> {
        let node = self.graph.node(output).clone();
        let moving: Vec<NodeId> = node.inputs.iter().copied().filter(|i| self.depends[i.index()]).collect();
        if moving.is_empty() {
            return Ok(());
        }
        let at = At { inputs: &node.inputs, output, gradient };
        let answers = match (rule(&node.op), &moving[..]) {
            (Rule::Linear, _) => node.op.gradient(self.graph, &at)?,
            (Rule::Product, [_]) => node.op.gradient(self.graph, &at)?,
            (Rule::Rescale, &[x]) => {
                let slope = node.op.gradient(self.graph, &at)?;
                node.inputs
                    .iter()
                    .zip(slope)
                    .map(|(&input, slope)| match (input == x, slope) {
                        (true, InputGradient::Rule(slope)) => {
                            Ok(InputGradient::Rule(self.rescaled(x, output, gradient, slope)?))
                        }
                        (true, _) => {
                            let zero = self.graph.constant(0.0, self.graph.shape(x).clone())?;
                            Ok(InputGradient::Rule(self.rescaled(x, output, gradient, zero)?))
                        }
                        (false, other) => Ok(other),
                    })
                    .collect::<std::result::Result<Vec<_>, GraphError>>()?
            }
            (Rule::Pool, &[x]) => vec![InputGradient::Rule(self.pooled(&node.op, x, output, gradient)?)],
            _ => {
                return Err(ExplainError::request(
                    format!("DeepLIFT has no rule for {} in layer {:?}", node.op.name(), node.scope),
                    "Use integrated_gradients, which works for every network with gradients",
                ));
            }
        };
        for (&input, answer) in node.inputs.iter().zip(answers) {
            let InputGradient::Rule(value) = answer else { continue };
            if !self.depends[input.index()] {
                continue;
            }
            let shape = self.graph.shape(input).clone();
            let value = self.graph.sum_to(value, &shape)?;
            let value = match self.found.get(&input) {
                Some(&before) => self.graph.add(before, value)?,
                None => value,
            };
            self.found.insert(input, value);
        }
        Ok(())
    }

    /// `gradient · Δy / Δx` where `Δx` is some, `slope` elsewhere.
    fn rescaled(
        &mut self,
        x: NodeId,
        y: NodeId,
        gradient: NodeId,
        slope: NodeId,
    ) -> std::result::Result<NodeId, GraphError> {
        let graph = &mut *self.graph;
        let dx = graph.sub(x, self.twins[x.index()])?;
        let dy = graph.sub(y, self.twins[y.index()])?;
        let moved = graph.mul(gradient, dy)?;
        choose(graph, dx, moved, slope)
    }

    /// Both largest numbers of a window take part: the example's with what it has over the reference, the reference's
    /// with what it has over the example.
    fn pooled(&mut self, op: &Op, x: NodeId, y: NodeId, gradient: NodeId) -> std::result::Result<NodeId, GraphError> {
        let Op::MaxPool2d(pool) = op else { return Ok(gradient) };
        let (twin_x, twin_y, graph) = (self.twins[x.index()], self.twins[y.index()], &mut *self.graph);
        let largest = graph.maximum(y, twin_y)?;
        let over = graph.sub(largest, twin_y)?;
        let under = graph.sub(y, largest)?;
        let (over, under) = (graph.mul(gradient, over)?, graph.mul(gradient, under)?);
        let here = graph.max_pool2d_grad(x, over, *pool)?;
        let there = graph.max_pool2d_grad(twin_x, under, *pool)?;
        let moved = graph.add(here, there)?;
        let slope = graph.max_pool2d_grad(x, gradient, *pool)?;
        let dx = graph.sub(x, twin_x)?;
        choose(graph, dx, moved, slope)
    }
}

/// `moved / dx` where `|dx|` is more than [`NONE`], `slope` elsewhere.
fn choose(graph: &mut Graph, dx: NodeId, moved: NodeId, slope: NodeId) -> std::result::Result<NodeId, GraphError> {
    let (least, one) = (graph.constant(NONE, Shape::scalar())?, graph.constant(1.0, Shape::scalar())?);
    let size = graph.abs(dx)?;
    let beyond = graph.sub(size, least)?;
    let some = graph.step(beyond)?;
    let none = graph.sub(one, some)?;
    let by = graph.mul(dx, some)?;
    let by = graph.add(by, none)?;
    let moved = graph.div(moved, by)?;
    let (moved, slope) = (graph.mul(moved, some)?, graph.mul(slope, none)?);
    graph.add(moved, slope)
}

enum Rule {
    /// Linear in all inputs together.
    Linear,
    /// Linear in each input alone.
    Product,
    /// Elementwise, of one moving input.
    Rescale,
    Pool,
    None,
}

fn rule(op: &Op) -> Rule {
    match op {
        Op::Add(_) | Op::Sub(_) | Op::Neg(_) | Op::Scale(_) | Op::Sum(_) | Op::Expand(_) | Op::Reshape(_) => {
            Rule::Linear
        }
        Op::Transpose(_) | Op::Slice(_) | Op::Pad(_) | Op::Concatenate(_) | Op::AveragePool2d(_) => Rule::Linear,
        Op::Resize(_) | Op::RoundBf16(_) => Rule::Linear,
        Op::Mul(_) | Op::MatMul(_) | Op::Conv2d(_) | Op::Conv2dInputGrad(_) | Op::ChannelAffine(_) => Rule::Product,
        Op::Relu(_) | Op::Sigmoid(_) | Op::Tanh(_) | Op::Elu(_) | Op::Gelu(_) | Op::LeakyRelu(_) | Op::Silu(_) => {
            Rule::Rescale
        }
        Op::Softplus(_) | Op::Exp(_) | Op::Log(_) | Op::Sqrt(_) | Op::Square(_) | Op::Abs(_) | Op::Erf(_) => {
            Rule::Rescale
        }
        Op::Sin(_) | Op::Cos(_) | Op::Atan(_) | Op::Maximum(_) | Op::Minimum(_) | Op::Div(_) => Rule::Rescale,
        Op::MaxPool2d(_) => Rule::Pool,
        _ => Rule::None,
    }
}
