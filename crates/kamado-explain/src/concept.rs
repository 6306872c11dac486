//! Concepts: whether the answer rises with something that people can name, such as stripes.
//!
//! The direction of a concept in a layer leads from the mean of other examples to the mean of examples of the concept.
//! The score is the share of examples of a class whose answer rises in that direction. Directions between two random
//! halves of the other examples show what is chance.
//!
//! Sources: Kim et al., "Interpretability beyond feature attribution" (TCAV), 2018; Pahde et al., "Navigating neural
//! space", 2022 (directions from means, which noise does not turn).

use kamado_graph::graph::NodeId;
use kamado_graph::rng::Rng;
use serde::Serialize;

use crate::error::{ExplainError, Result};
use crate::explainer::Explainer;
use crate::methods::cam::{at_layer, last_convolution, named};
use crate::sample::Sample;
use crate::stats::{Moments, student};
use crate::target::Target;

/// Random directions.
const DRAWS: u64 = 20;

/// How a class depends on a concept.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Concept {
    /// The layer.
    pub layer: String,
    /// The class, by number.
    pub target: usize,
    /// The share of examples whose answer rises with the concept; the mean over halves of the other examples.
    pub score: f64,
    /// The mean score of random directions, and its standard deviation.
    pub random: f64,
    /// See `random`.
    pub spread: f64,
    /// Whether the score differs from that of random directions (Welch's t test at 5 %).
    pub passed: bool,
}

/// The vectors of examples and the gradients there.
struct Layer {
    vectors: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
}

/// The score of a concept, given by examples of it and others, on `examples` of the class `target`; the last
/// convolution's layer if none is named, otherwise the last layer but one.
///
/// # Errors
/// If there are fewer than four examples of a kind, one does not fit, or there is no such layer or class.
pub fn concept(
    explainer: &mut Explainer,
    [of_concept, others, examples]: [&[Sample]; 3],
    target: &str,
    layer: Option<&str>,
    seed: u64,
) -> Result<Concept> {
    if of_concept.len().min(others.len()) < 4 || examples.is_empty() {
        let (a, b, c) = (of_concept.len(), others.len(), examples.len());
        let problem = format!("{a} examples of the concept, {b} others and {c} of the class are too few");
        return Err(ExplainError::request(
            problem,
            "Give at least four of the concept, four others and one of the class",
        ));
    }
    for sample in of_concept.iter().chain(others).chain(examples) {
        sample.check("the example", &explainer.model.spec.inputs)?;
    }
    let answer = vec![0.0; explainer.output.units];
    let labels = explainer.labels.clone();
    let target = Target::new(&explainer.output, &labels, false, Some(target), &answer)?;
    let node = layer_of(explainer, layer)?;
    let scope = explainer.output.graph.node(node).scope.clone();
    let mut run = |samples: &[Sample]| layer_at(explainer, samples, &target, node);
    let (own, other, class) = (run(of_concept)?, run(others)?, run(examples)?);
    let mut rng = Rng::new(seed, 8);
    let (mut scores, mut chance) = (Vec::new(), Vec::new());
    for _ in 0..DRAWS {
        let mut order: Vec<usize> = (0..others.len()).collect();
        rng.shuffle(&mut order);
        let (one, two) = order.split_at(others.len() / 2);
        let [one, two] = [one, two].map(|half| mean(half.iter().map(|&i| &other.vectors[i])));
        let all = mean(own.vectors.iter());
        scores.push(share(&class.gradients, &all, &one));
        chance.push(share(&class.gradients, &two, &one));
    }
    let (score, random) = (Moments::of(&scores), Moments::of(&chance));
    let error = score.standard_error().hypot(random.standard_error());
    let passed = (score.mean() - random.mean()).abs() > student(DRAWS as usize - 1) * error;
    let score = score.mean();
    let spread = random.deviation();
    Ok(Concept { layer: scope, target: target.number, score, random: random.mean(), spread, passed })
}

fn layer_of(explainer: &Explainer, layer: Option<&str>) -> Result<NodeId> {
    let graph = &explainer.output.graph;
    match layer {
        Some(name) => named(graph, name),
        None => last_convolution(graph).or_else(|_| crate::examples::before_last(graph, explainer.output.score)),
    }
}

fn layer_at(explainer: &mut Explainer, samples: &[Sample], target: &Target, node: NodeId) -> Result<Layer> {
    let mut layer = Layer { vectors: Vec::new(), gradients: Vec::new() };
    let targets = vec![target.clone(); samples.len()];
    let samples: Vec<&Sample> = samples.iter().collect();
    at_layer(&mut explainer.output, &samples, &targets, node, &mut |_, vector, gradient| {
        layer.vectors.push(vector.to_vec());
        layer.gradients.push(gradient.to_vec());
    })?;
    Ok(layer)
}

fn mean<'a>(vectors: impl Iterator<Item = &'a Vec<f32>>) -> Vec<f64> {
    let (mut sum, mut count) = (Vec::new(), 0.0);
    for vector in vectors {
        sum.resize(vector.len(), 0.0);
        sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += f64::from(*x));
        count += 1.0;
    }
    sum.iter_mut().for_each(|x| *x /= f64::max(count, 1.0));
    sum
}

/// The share of gradients that rise from one point to another.
fn share(gradients: &[Vec<f32>], to: &[f64], from: &[f64]) -> f64 {
    let rises = |gradient: &&Vec<f32>| {
        gradient.iter().zip(to.iter().zip(from)).map(|(g, (to, from))| f64::from(*g) * (to - from)).sum::<f64>() > 0.0
    };
    gradients.iter().filter(rises).count() as f64 / gradients.len() as f64
}
