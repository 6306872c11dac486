//! Attention: who looks at whom, for each layer and head, rolled out over layers, and weighed by gradients.
//!
//! The kernel never stores probabilities; they are computed again from queries and keys, `p = softmax(scale · q kᵀ)`
//! over the keys that a query sees, for the layers and examples that are asked for. Attention says where a layer reads,
//! not what the answer rests on; the methods that come of it carry the same checks as all others.
//!
//! Sources: Abnar and Zuidema, "Quantifying attention flow in transformers", 2020 (rollout); Chefer et al., "Generic
//! attention-model explainability", 2021 (attention times gradient).

use kamado_engine::Session;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::ops::Attention;

use crate::error::{ExplainError, Result};
use crate::explainer::Explainer;
use crate::methods::Found;
use crate::network::{Feeds, Network, add_direction};
use crate::request::Request;
use crate::rewrite::with_inputs;
use crate::runner::Runner;
use crate::sample::Sample;
use crate::target::Target;

/// The most probabilities of all layers of an example, so that a long text cannot fill the memory.
const MOST: usize = 1 << 26;

/// The attention of one layer for one example.
#[derive(Clone, PartialEq, Debug)]
pub struct AttentionMap {
    /// The layer.
    pub layer: String,
    /// The number of heads.
    pub heads: usize,
    /// The number of queries and of keys.
    pub tokens: [usize; 2],
    /// The probabilities, `[heads, queries, keys]`.
    pub probabilities: Vec<f64>,
    /// `∂answer/∂p`, of the same shape.
    pub gradient: Vec<f64>,
}

/// How heads become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fuse {
    /// Their mean.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl AttentionMap {
    /// One map of all heads, `[queries, keys]`.
    pub fn fused(&self, how: Fuse) -> Vec<f64> {
        fused(&self.probabilities, self.heads, how)
    }

    /// What speaks for the answer, `mean over heads of max(0, ∂answer/∂p · p)`, `[queries, keys]`.
    pub fn relevant(&self) -> Vec<f64> {
        let product: Vec<f64> = self.probabilities.iter().zip(&self.gradient).map(|(p, g)| (p * g).max(0.0)).collect();
        fused(&product, self.heads, Fuse::Mean)
    }
}

fn fused(maps: &[f64], heads: usize, how: Fuse) -> Vec<f64> {
    let size = maps.len() / heads.max(1);
    let of = |i: usize| {
        let values = (0..heads).map(|head| maps[head * size + i]);
        match how {
            Fuse::Mean => values.sum::<f64>() / heads as f64,
            Fuse::Max => values.fold(f64::NEG_INFINITY, f64::max),
            Fuse::Min => values.fold(f64::INFINITY, f64::min),
        }
    };
    (0..size).map(of).collect()
}

/// What each token takes from each token of the input through all layers: `R ← A R` from the identity on, the first
/// layer first, with `A` the layer's map plus the identity, for the residual connection, its rows divided by their
/// sums.
pub fn rollout(maps: &[Vec<f64>], tokens: usize) -> Vec<f64> {
    let mut rolled: Vec<f64> = (0..tokens * tokens).map(|i| f64::from(u8::from(i / tokens == i % tokens))).collect();
    for map in maps {
        let mut next = vec![0.0; tokens * tokens];
        for (t, row) in map.chunks_exact(tokens).enumerate() {
            let total: f64 = row.iter().sum::<f64>() + 1.0;
            for s in 0..tokens {
                let weight = (row[s] + f64::from(u8::from(s == t))) / total;
                (0..tokens).for_each(|i| next[t * tokens + i] += weight * rolled[s * tokens + i]);
            }
        }
        rolled = next;
    }
    rolled
}

impl Explainer {
    /// The attention of every layer for an example, with its gradient for the target of the request.
    ///
    /// # Errors
    /// If the model has no attention, the example does not fit, or the maps would not fit into memory.
    pub fn attention(&mut self, sample: &Sample, request: &Request) -> Result<Vec<AttentionMap>> {
        sample.check("the example", self.inputs())?;
        let labels = self.labels.clone();
        let answer = self.output.answers_of(&[sample])?.remove(0);
        let target = Target::new(&self.output, &labels, false, request.target.as_deref(), &answer)?;
        Ok(maps(&mut self.output, &[sample], &[target])?.remove(0))
    }

    /// Whether there is attention to look at.
    pub fn has_attention(&self) -> bool {
        !attentions(&self.output.graph).is_empty()
    }
}

fn attentions(graph: &Graph) -> Vec<(NodeId, Attention)> {
    let nodes = graph.nodes().iter().enumerate();
    nodes
        .filter_map(|(i, node)| if let Op::Attention(op) = &node.op { Some((NodeId(i as u32), *op)) } else { None })
        .collect()
}

/// The contributions of tokens: the mean row of the rollout, of probabilities or of what is relevant.
pub(crate) fn contributions(
    network: &mut Network,
    samples: &[&Sample],
    targets: &[Target],
    with_gradient: bool,
) -> Result<Vec<Found>> {
    let mut all = Vec::with_capacity(samples.len());
    for maps in maps(network, samples, targets)? {
        let Some(tokens) = maps.first().map(|map| map.tokens[0]) else { continue };
        let own = maps.iter().filter(|map| map.tokens == [tokens, tokens]);
        let fused: Vec<Vec<f64>> =
            own.map(|map| if with_gradient { map.relevant() } else { map.fused(Fuse::Mean) }).collect();
        let rolled = rollout(&fused, tokens);
        let mut weights = vec![0.0; tokens];
        for row in rolled.chunks_exact(tokens) {
            weights.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / tokens as f64);
        }
        all.push(Found { values: over_inputs(network, &weights)?, converged: true, ..Found::default() });
    }
    Ok(all)
}

/// The weights of tokens over the first input whose parts they are: tokens, time steps, or square patches of a picture,
/// perhaps behind a token of their own.
fn over_inputs(network: &Network, weights: &[f64]) -> Result<Vec<Vec<f64>>> {
    let mut all: Vec<Vec<f64>> = network.inputs.iter().map(|i| vec![0.0; i.shape.iter().product()]).collect();
    for (number, input) in network.inputs.iter().enumerate() {
        let values = &mut all[number];
        let found = match input.shape[..] {
            [n] if n == weights.len() => spread(values, |i| weights[i]),
            [t, f] if t == weights.len() => spread(values, |i| weights[i / f] / f as f64),
            [h, w, c] => {
                let fits = |p: &usize| {
                    let patches = h / p * (w / p);
                    h.is_multiple_of(*p) && w.is_multiple_of(*p) && [patches, patches + 1].contains(&weights.len())
                };
                (1..=h.min(w)).find(fits).is_some_and(|p| {
                    let first = weights.len() - h / p * (w / p);
                    let of = |i: usize| first + i / c / w / p * (w / p) + i / c % w / p;
                    spread(values, |i| weights[of(i)] / (p * p * c) as f64)
                })
            }
            _ => false,
        };
        if found {
            return Ok(all);
        }
    }
    Err(ExplainError::request(
        format!("the {} tokens of the attention are no parts of an input", weights.len()),
        "Use integrated_gradients or kernel_shap",
    ))
}

fn spread(values: &mut [f64], of: impl Fn(usize) -> f64) -> bool {
    values.iter_mut().enumerate().for_each(|(i, value)| *value = of(i));
    true
}

/// The maps of every layer for each example.
fn maps(network: &mut Network, samples: &[&Sample], targets: &[Target]) -> Result<Vec<Vec<AttentionMap>>> {
    let layers = attentions(&network.graph);
    if layers.is_empty() {
        return Err(ExplainError::request("the model has no attention", "Use integrated_gradients or kernel_shap"));
    }
    let extents = |node: NodeId| network.graph.shape(node).at(1);
    let total: usize = layers
        .iter()
        .map(|(node, _)| {
            let [q, k] = [0, 1].map(|i| extents(network.graph.node(*node).inputs[i]));
            q[1].saturating_mul(k[1]).saturating_mul(q[2])
        })
        .fold(0, usize::saturating_add);
    if total > MOST {
        let problem = format!("the attention maps of an example have {total} numbers");
        return Err(ExplainError::request(problem, format!("Give a shorter input: at most {MOST} fit")));
    }
    let (mut graph, nodes) = with_inputs(&network.graph, &[])?;
    let sum = add_direction(&mut graph, nodes[network.score.index()], network.units)?;
    let outputs: Vec<NodeId> = layers.iter().map(|(node, _)| nodes[node.index()]).collect();
    let gradients = graph.gradients(sum, &outputs)?;
    for (i, (&output, gradient)) in outputs.iter().zip(gradients).enumerate() {
        let inputs = graph.node(output).inputs.clone();
        for (name, node) in ["q", "k", "v", "mask"].iter().zip(&inputs) {
            graph.set_output(&format!("{i}.{name}"), *node);
        }
        graph.set_output(&format!("{i}.gradient"), gradient);
    }
    let shapes: Vec<Layer> = layers
        .iter()
        .map(|(node, op)| {
            let own = network.graph.node(*node);
            let [q, k, v] = [0, 1, 2].map(|i| extents(own.inputs[i]));
            let sizes = [q[2], q[1], k[1], q[3], v[3]];
            Layer { name: own.scope.clone(), op: *op, sizes, masked: own.inputs.len() > 3 }
        })
        .collect();
    let mut runner = Runner::new(Session::new(&network.runtime, graph, &network.store)?)?;
    let feeds = Feeds::of(&runner, &[], &network.inputs);
    let mut all = Vec::with_capacity(samples.len());
    network.evaluations += samples.len();
    runner.run(
        &mut network.store,
        samples.len(),
        &mut |row, number, slot| feeds.fill(number, samples[row], &targets[row].direction, slot),
        &mut |_, outputs| {
            let mut outputs = outputs.iter().copied();
            let mut of = |layer: &Layer| {
                let [q, k, v] = std::array::from_fn(|_| outputs.next().unwrap_or_default());
                let mask = if layer.masked { outputs.next() } else { None };
                layer.map(q, k, v, mask, outputs.next().unwrap_or_default())
            };
            all.push(shapes.iter().map(&mut of).collect());
        },
    )?;
    Ok(all)
}

/// One attention and its extents: heads, queries, keys, features of keys and of values.
struct Layer {
    name: String,
    op: Attention,
    sizes: [usize; 5],
    masked: bool,
}

impl Layer {
    fn map(&self, q: &[f32], k: &[f32], v: &[f32], mask: Option<&[f32]>, dy: &[f32]) -> AttentionMap {
        let [heads, queries, keys, d, e] = self.sizes;
        let dot = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
        let (mut probabilities, mut gradient) = (Vec::new(), Vec::new());
        for n in 0..heads {
            for t in 0..queries {
                let sees = |s: usize| !(self.op.causal && s > t) && mask.is_none_or(|mask| mask[s] > 0.5);
                let query = &q[(t * heads + n) * d..][..d];
                let score = |s: usize| self.op.scale * dot(query, &k[(s * heads + n) * d..][..d]);
                let scores: Vec<f64> = (0..keys).map(|s| if sees(s) { score(s) } else { f64::NEG_INFINITY }).collect();
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> =
                    scores.iter().map(|s| if s.is_finite() { (s - most).exp() } else { 0.0 }).collect();
                let total: f64 = powers.iter().sum::<f64>().max(f64::MIN_POSITIVE);
                probabilities.extend(powers.iter().map(|p| p / total));
                let change = &dy[(t * heads + n) * e..][..e];
                gradient.extend((0..keys).map(|s| dot(change, &v[(s * heads + n) * e..][..e])));
            }
        }
        AttentionMap { layer: self.name.clone(), heads, tokens: [queries, keys], probabilities, gradient }
    }
}
