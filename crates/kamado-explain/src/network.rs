//! A model as graphs: its answers, the continuous numbers behind its inputs, and gradients with respect to these.
//!
//! A *site* is where a gradient can be taken: an input of floats itself, or the rows of an embedding table that an
//! input of integers addresses. A *point* is the numbers of all sites of an example, one site after the other.

use std::sync::Arc;

use kamado_engine::{Runtime, Session, Store};
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::shape::{DType, Shape, TensorType};
use kamado_nn::model::{InputSpec, Model};

use crate::error::{ExplainError, Result};
use crate::rewrite::{dependents, with_inputs};
use crate::runner::Runner;
use crate::sample::{Sample, Slot};

/// The input of a gradient graph that says what is differentiated: a weight for each output.
pub(crate) const DIRECTION: &str = "explain.direction";
/// The output with the model's answers.
pub(crate) const SCORE: &str = "explain.score";

/// What a model ends in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Softmax,
    Sigmoid,
    Other,
}

/// Where a gradient can be taken.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The model's input, by number.
    pub(crate) input: usize,
    /// The node whose value it is, in the model's graph.
    pub(crate) node: NodeId,
    /// The name under which a point feeds it.
    pub(crate) name: String,
    /// How many numbers an example has here.
    pub(crate) len: usize,
    /// How many numbers belong to one number of the input: 1, or the length of an embedded vector.
    pub(crate) width: usize,
    /// For each `width` numbers, the number of the input that they belong to.
    pub(crate) places: Vec<usize>,
    /// Whether the answer depends on it.
    pub(crate) reached: bool,
}

/// Gets the number of a row and two of its tensors: the answers and the gradient, or a layer and the gradient there.
pub(crate) type Visit<'v> = dyn FnMut(usize, &[f32], &[f32]) + 'v;

/// A model as graphs.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) inputs: Vec<InputSpec>,
    pub(crate) units: usize,
    pub(crate) ending: Ending,
    pub(crate) sites: Vec<Site>,
    pub(crate) graph: Graph,
    pub(crate) score: NodeId,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) store: Store,
    forward: Runner,
    embed: Option<Runner>,
    gradient: Option<Runner>,
    /// How often an example has gone through the network.
    pub(crate) evaluations: usize,
}

impl Network {
    /// The graphs of a model; with `logits` its answer is what stands before its last softmax or sigmoid.
    pub(crate) fn new(model: &Model, runtime: &Arc<Runtime>, logits: bool) -> Result<Self> {
        let graph = model.inference_graph()?.graph;
        let Some(prediction) = graph.output("prediction") else {
            let problem = format!("the model has {} outputs", model.spec.outputs.len());
            return Err(ExplainError::request(problem, "Explanations are for models with one output"));
        };
        let (ending, before) = ending(&graph, prediction);
        let score = if logits { before } else { prediction };
        let units = graph.shape(score).elements().map_or(0, |n| n.at(1));
        let sites = sites(&graph, &model.spec.inputs, score);
        let infos: Vec<_> = model.variables.iter().map(|variable| variable.info.clone()).collect();
        let mut store = Store::new(&infos)?;
        set_weights(&mut store, model)?;
        let (mut forward, nodes) = with_inputs(&graph, &[])?;
        forward.set_output(SCORE, nodes[score.index()]);
        let forward = Runner::new(Session::new(runtime, forward, &store)?)?;
        let inputs = model.spec.inputs.clone();
        let runtime = Arc::clone(runtime);
        let (embed, gradient) = (None, None);
        Ok(Network {
            inputs,
            units,
            ending,
            sites,
            graph,
            score,
            runtime,
            store,
            forward,
            embed,
            gradient,
            evaluations: 0,
        })
    }

    /// The numbers of a point.
    pub(crate) fn dim(&self) -> usize {
        self.sites.iter().map(|site| site.len).sum()
    }

    /// How many rows are run at once.
    pub(crate) fn batch(&self) -> usize {
        self.forward.batch()
    }

    /// The answers for rows that `fill` writes: an input by its number, of a row.
    pub(crate) fn answers(
        &mut self,
        rows: usize,
        fill: &mut dyn FnMut(usize, usize, Slot<'_>),
        visit: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<()> {
        self.evaluations += rows;
        self.forward.run(&mut self.store, rows, fill, &mut |row, outputs| visit(row, outputs[0]))
    }

    /// The answers for whole examples.
    pub(crate) fn answers_of(&mut self, samples: &[&Sample]) -> Result<Vec<Vec<f32>>> {
        let mut all = Vec::with_capacity(samples.len());
        self.answers(
            samples.len(),
            &mut |row, input, mut slot| slot.copy(&samples[row].0[input]),
            &mut |_, answer| all.push(answer.to_vec()),
        )?;
        Ok(all)
    }

    /// The points of examples.
    pub(crate) fn points(&mut self, samples: &[&Sample]) -> Result<Vec<Vec<f32>>> {
        if self.embed.is_none() {
            let (mut graph, nodes) = with_inputs(&self.graph, &[])?;
            for site in &self.sites {
                graph.set_output(&site.name, nodes[site.node.index()]);
            }
            self.embed = Some(Runner::new(Session::new(&self.runtime, graph, &self.store)?)?);
        }
        let mut points = Vec::with_capacity(samples.len());
        if let Some(embed) = &mut self.embed {
            embed.run(
                &mut self.store,
                samples.len(),
                &mut |row, input, mut slot| slot.copy(&samples[row].0[input]),
                &mut |_, outputs| points.push(outputs.concat()),
            )?;
        }
        Ok(points)
    }

    /// Gradients at points: `fill` writes the point of a row, `sample` tells the example whose integers it keeps,
    /// `direction` the weight of each answer; `visit` gets the answers and the gradient, of the length of a point.
    pub(crate) fn gradients<'a>(
        &mut self,
        rows: usize,
        sample: &dyn Fn(usize) -> Sampled<'a>,
        fill: &mut dyn FnMut(usize, &mut [f32]),
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.evaluations += rows;
        self.prepare_gradient()?;
        let Some(runner) = &mut self.gradient else { return Ok(()) };
        let feeds = Feeds::of(runner, &self.sites, &self.inputs);
        let (dim, sites) = (self.sites.iter().map(|site| site.len).sum(), &self.sites);
        let (mut point, mut filled) = (vec![0.0; dim], usize::MAX);
        let mut gradient = vec![0.0; dim];
        runner.run(
            &mut self.store,
            rows,
            &mut |row, number, mut slot| match (&feeds.0[number], &mut slot) {
                (Fed::Direction, Slot::F32(to)) => to.copy_from_slice(sample(row).direction),
                (Fed::Input(input), _) => slot.copy(&sample(row).sample.0[*input]),
                (Fed::Site(place), Slot::F32(to)) => {
                    if filled != row {
                        fill(row, &mut point);
                        filled = row;
                    }
                    to.copy_from_slice(&point[place.clone()]);
                }
                _ => {}
            },
            &mut |row, outputs| {
                let mut outputs = outputs.iter();
                let score = outputs.next().copied().unwrap_or_default();
                let mut start = 0;
                for site in sites {
                    if let Some(of) = site.reached.then(|| outputs.next()).flatten() {
                        gradient[start..start + site.len].copy_from_slice(of);
                    }
                    start += site.len;
                }
                visit(row, score, &gradient);
            },
        )
    }

    fn prepare_gradient(&mut self) -> Result<()> {
        if self.gradient.is_some() {
            return Ok(());
        }
        let (mut graph, nodes) = with_inputs(&self.graph, &self.fed_sites())?;
        let score = nodes[self.score.index()];
        let total = add_direction(&mut graph, score, self.units)?;
        let targets: Vec<NodeId> =
            self.sites.iter().filter(|site| site.reached).map(|site| nodes[site.node.index()]).collect();
        if targets.is_empty() {
            return Err(ExplainError::request(
                "the answer of the model does not depend on any input with a gradient",
                "Explain a model whose input matters, or use shapley or occlusion",
            ));
        }
        let gradients = graph.gradients(total, &targets)?;
        graph.set_output(SCORE, score);
        for (i, gradient) in gradients.into_iter().enumerate() {
            graph.set_output(&format!("explain.gradient.{i}"), gradient);
        }
        self.gradient = Some(Runner::new(Session::new(&self.runtime, graph, &self.store)?)?);
        Ok(())
    }

    /// The sites that are no inputs yet, with the names under which they become some.
    pub(crate) fn fed_sites(&self) -> Vec<(NodeId, String)> {
        self.sites.iter().map(|site| (site.node, site.name.clone())).collect()
    }

    /// Replaces the weights.
    pub(crate) fn set_weights(&mut self, model: &Model) -> Result<()> {
        set_weights(&mut self.store, model)
    }
}

/// Which example a row belongs to, and what is differentiated there.
pub(crate) struct Sampled<'a> {
    pub(crate) sample: &'a Sample,
    pub(crate) direction: &'a [f32],
}

/// What feeds each input of a gradient graph.
pub(crate) struct Feeds(pub(crate) Vec<Fed>);

pub(crate) enum Fed {
    Direction,
    Input(usize),
    Site(std::ops::Range<usize>),
}

impl Feeds {
    pub(crate) fn of(runner: &Runner, sites: &[Site], inputs: &[InputSpec]) -> Self {
        let fed = |name: &str| {
            let mut start = 0;
            for site in sites {
                if site.name == name {
                    return Fed::Site(start..start + site.len);
                }
                start += site.len;
            }
            inputs.iter().position(|input| input.name == name).map_or(Fed::Direction, Fed::Input)
        };
        Feeds(runner.inputs().map(fed).collect())
    }

    /// Writes one input of a graph without sites.
    pub(crate) fn fill(&self, number: usize, sample: &Sample, direction: &[f32], mut slot: Slot<'_>) {
        match (&self.0[number], &mut slot) {
            (Fed::Input(input), _) => slot.copy(&sample.0[*input]),
            (_, Slot::F32(to)) => to.copy_from_slice(direction),
            _ => {}
        }
    }
}

/// Adds `Σ score · direction`, with an input for the direction.
pub(crate) fn add_direction(graph: &mut Graph, score: NodeId, units: usize) -> Result<NodeId> {
    let flat = graph.reshape(score, Shape::batched(&[units]))?;
    let direction = graph.input(DIRECTION, TensorType::f32(Shape::batched(&[units])))?;
    let product = graph.mul(flat, direction)?;
    Ok(graph.sum(product, &[0, 1], false)?)
}

/// Copies the weights of a model into a store.
fn set_weights(store: &mut Store, model: &Model) -> Result<()> {
    model.variables.iter().try_for_each(|variable| store.set(&variable.info.name, &variable.value))?;
    Ok(())
}

/// What the model ends in, and the node before.
fn ending(graph: &Graph, output: NodeId) -> (Ending, NodeId) {
    let node = graph.node(output);
    match &node.op {
        Op::Softmax(_) => (Ending::Softmax, node.inputs[0]),
        Op::Sigmoid(_) => (Ending::Sigmoid, node.inputs[0]),
        Op::Reshape(_) => match ending(graph, node.inputs[0]) {
            (Ending::Other, _) => (Ending::Other, output),
            found => found,
        },
        _ => (Ending::Other, output),
    }
}

fn sites(graph: &Graph, inputs: &[InputSpec], score: NodeId) -> Vec<Site> {
    let mut sites = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        let Some((_, node)) = graph.inputs().find(|(name, _)| *name == input.name) else { continue };
        let len: usize = input.shape.iter().product();
        if input.dtype == DType::F32 {
            let (name, places) = (input.name.clone(), (0..len).collect());
            sites.push(Site { input: number, node, name, len, width: 1, places, reached: false });
            continue;
        }
        let gathers = graph.nodes().iter().enumerate().filter(|(_, user)| user.inputs.get(1) == Some(&node));
        for (index, user) in gathers {
            let Op::Gather(gather) = &user.op else { continue };
            let width = user.ty.shape.last().map_or(1, |d| d.at(1));
            let elements = user.ty.shape.elements().map_or(0, |n| n.at(1));
            let columns = input.shape.last().copied().unwrap_or(1).max(1);
            let kept = gather.rows.len();
            let place = |i: usize| match i.checked_div(kept) {
                Some(row) => row * columns + gather.first_column + i % kept,
                None => i,
            };
            let places = (0..elements / width.max(1)).map(place).collect();
            let (node, name) = (NodeId(index as u32), format!("explain.site.{}", sites.len()));
            sites.push(Site { input: number, node, name, len: elements, width, places, reached: false });
        }
    }
    for site in &mut sites {
        site.reached = dependents(graph, &[site.node])[score.index()];
    }
    sites
}
