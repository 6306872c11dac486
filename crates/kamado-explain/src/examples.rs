//! Explanations by examples: which training examples are near, which had influence, which stand for all.
//!
//! Examples are compared by the vector before the last layer with weights. Influence is the similarity of the gradients
//! that training on the one and the other gives the last layer, `(p - y)·(p' - y') (h·h' + 1)`: positive if learning
//! the one helps with the other (Pruthi et al., "TracIn", 2020). Prototypes are chosen one by one so that they are
//! distributed like all examples, and criticisms where they are not (Kim et al., "Examples are not enough, learn to
//! criticize!", 2016).

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

use crate::error::{ExplainError, Result};
use crate::explainer::Explainer;
use crate::methods::cam::at_layer;
use crate::sample::Sample;
use crate::target::Target;

/// The most examples that are compared with each other.
const MOST: usize = 5000;

/// Examples by number, with how near, how influential or how different they are.
pub type Ranked = Vec<(usize, f64)>;

/// The node that the last layer with weights reads.
pub(crate) fn before_last(graph: &Graph, score: NodeId) -> Result<NodeId> {
    let last =
        graph.nodes()[..=score.index()].iter().rev().find(|node| matches!(node.op, Op::MatMul(_) | Op::Conv2d(_)));
    last.and_then(|node| node.inputs.first().copied())
        .ok_or_else(|| ExplainError::request("the model has no layer with weights", "Compare its inputs instead"))
}

/// A vector for each example.
type Vectors = Vec<Vec<f32>>;

/// The vectors of examples before the last layer, and the model's outputs.
fn vectors(explainer: &mut Explainer, samples: &[Sample]) -> Result<(Vectors, Vectors)> {
    let outputs = explainer.outputs(samples)?;
    let node = before_last(&explainer.output.graph, explainer.output.score)?;
    let labels = explainer.labels.clone();
    let answer = vec![0.0; explainer.output.units];
    let target = Target::new(&explainer.output, &labels, false, Some("0"), &answer)?;
    let mut vectors = Vec::with_capacity(samples.len());
    let all: Vec<&Sample> = samples.iter().collect();
    at_layer(&mut explainer.output, &all, &vec![target; samples.len()], node, &mut |_, vector, _| {
        vectors.push(vector.to_vec())
    })?;
    Ok((vectors, outputs))
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn ranked(values: impl Iterator<Item = f64>, most: usize) -> Ranked {
    let mut all: Ranked = values.enumerate().collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(most);
    all
}

/// The examples whose vectors point most nearly the same way as that of `x`, with the cosine.
///
/// # Errors
/// If an example does not fit the model.
pub fn nearest(explainer: &mut Explainer, x: &Sample, examples: &[Sample], most: usize) -> Result<Ranked> {
    let (own, _) = vectors(explainer, std::slice::from_ref(x))?;
    let (all, _) = vectors(explainer, examples)?;
    let size = |v: &[f32]| dot(v, v).sqrt().max(f64::MIN_POSITIVE);
    Ok(ranked(all.iter().map(|v| dot(v, &own[0]) / (size(v) * size(&own[0]))), most))
}

/// The examples that training on helps most with `x`, by their classes and that of `x`.
///
/// # Errors
/// If an example does not fit the model, there is not a class for each, or the model does not tell classes apart.
pub fn influence(
    explainer: &mut Explainer,
    (x, class): (&Sample, usize),
    (examples, classes): (&[Sample], &[usize]),
    most: usize,
) -> Result<Ranked> {
    let units = explainer.output.units;
    let known = units.max(2);
    if classes.len() != examples.len() || classes.iter().chain([&class]).any(|class| *class >= known) {
        let problem = format!("{} classes are given for {} examples", classes.len(), examples.len());
        return Err(ExplainError::request(problem, format!("Give one from 0 to {} for each", known - 1)));
    }
    let (own, own_output) = vectors(explainer, std::slice::from_ref(x))?;
    let (all, outputs) = vectors(explainer, examples)?;
    let error = |output: &[f32], class: usize| -> Vec<f32> {
        let wanted = |unit: usize| if units == 1 { class as f32 } else { f32::from(u8::from(unit == class)) };
        output.iter().enumerate().map(|(unit, p)| p - wanted(unit)).collect()
    };
    let own_error = error(&own_output[0], class);
    let value = |i: usize| dot(&error(&outputs[i], classes[i]), &own_error) * (dot(&all[i], &own[0]) + 1.0);
    Ok(ranked((0..all.len()).map(value), most))
}

/// Prototypes, the most typical first, and criticisms: the examples that the prototypes stand for worst.
///
/// # Errors
/// If an example does not fit the model, or there are none or too many.
pub fn prototypes(explainer: &mut Explainer, examples: &[Sample], most: usize) -> Result<(Vec<usize>, Ranked)> {
    if examples.is_empty() || examples.len() > MOST {
        let problem = format!("prototypes of {} examples", examples.len());
        return Err(ExplainError::request(problem, format!("Give 1 to {MOST}")));
    }
    let (all, _) = vectors(explainer, examples)?;
    let n = all.len();
    let distance =
        |i: usize, j: usize| -> f64 { all[i].iter().zip(&all[j]).map(|(a, b)| f64::from(a - b).powi(2)).sum() };
    let mut some: Vec<f64> = (0..n).map(|i| distance(i, (i * 7 + 1) % n)).filter(|d| *d > 0.0).collect();
    some.sort_by(f64::total_cmp);
    // A kernel as wide as examples are apart.
    let width = some.get(some.len() / 2).copied().unwrap_or(1.0);
    let kernel = |i: usize, j: usize| (-distance(i, j) / width).exp();
    let typical: Vec<f64> = (0..n).map(|i| (0..n).map(|j| kernel(i, j)).sum::<f64>() / n as f64).collect();
    let mut chosen: Vec<usize> = Vec::new();
    let mut covered = vec![0.0; n];
    while chosen.len() < most.min(n) {
        let m = chosen.len() as f64 + 1.0;
        let gain = |i: usize| 2.0 * typical[i] - (2.0 * covered[i] + 1.0) / m;
        let open = (0..n).filter(|i| !chosen.contains(i));
        let Some(next) = open.max_by(|&a, &b| gain(a).total_cmp(&gain(b)).then(b.cmp(&a))) else { break };
        (0..n).for_each(|i| covered[i] += kernel(i, next));
        chosen.push(next);
    }
    let count = chosen.len().max(1) as f64;
    let witness = |i: usize| if chosen.contains(&i) { 0.0 } else { (typical[i] - covered[i] / count).abs() };
    Ok((chosen.clone(), ranked((0..n).map(witness), most)))
}
