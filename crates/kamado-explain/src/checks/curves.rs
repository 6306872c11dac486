//! Deletion and insertion: what the model says while the most important parts go, or come, first.
//!
//! Parts go by falling contribution, equal ones in order; the area under the probability of the target is compared with
//! that of random orders.
//!
//! Source: Petsiuk et al., "RISE", 2018.

use kamado_graph::rng::Rng;
use kamado_nn::model::InputSpec;
use serde::Serialize;

use super::Subject;
use crate::error::Result;
use crate::explainer::Explainer;
use crate::explanation::Explanation;
use crate::sample::Sample;
use crate::stats::Moments;

/// Random orders to compare with.
const ORDERS: usize = 8;
/// The most baselines that stand for what is absent.
const BASELINES: usize = 8;
/// Inputs of more parts go in this many steps.
const STEPS: usize = 32;
/// Inputs of at most this many parts go one by one.
const SINGLE: usize = 64;

/// The area under a curve, and that of random orders.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Curve {
    /// The mean height of the curve.
    pub auc: f64,
    /// The mean area of random orders.
    pub random: f64,
    /// The standard deviation of the areas of random orders.
    pub spread: f64,
    /// The target's probability (or output) from the first step to the last.
    pub curve: Vec<f64>,
    /// Whether the order is better than random ones.
    pub passed: bool,
}

/// The numbers that go together: a pixel with its channels, a token, a column.
pub(crate) fn parts(inputs: &[InputSpec]) -> Vec<(usize, std::ops::Range<usize>)> {
    let of = |(number, input): (usize, &InputSpec)| {
        let channels = if input.shape.len() == 3 { input.shape[2] } else { 1 };
        let len = input.shape.iter().product::<usize>();
        (0..len / channels).map(move |i| (number, i * channels..(i + 1) * channels)).collect::<Vec<_>>()
    };
    inputs.iter().enumerate().flat_map(of).collect()
}

pub(super) fn check(
    explainer: &mut Explainer,
    subject: &Subject<'_>,
    explanation: &Explanation,
) -> Result<(Option<Curve>, Option<Curve>)> {
    let parts = parts(&explainer.model.spec.inputs);
    if parts.len() < 2 {
        return Ok((None, None));
    }
    let weight = |part: &(usize, std::ops::Range<usize>)| -> f64 {
        explanation.inputs[part.0].values[part.1.clone()].iter().sum()
    };
    let weights: Vec<f64> = parts.iter().map(weight).collect();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
    let mut orders = vec![order];
    let mut rng = Rng::new(subject.request.seed, 6);
    for _ in 0..ORDERS {
        let mut random: Vec<usize> = (0..parts.len()).collect();
        rng.shuffle(&mut random);
        orders.push(random);
    }
    // Of many baselines some, spread evenly, stand for all.
    let some = BASELINES.min(subject.baselines.len());
    let mut mean: Vec<Vec<f64>> = Vec::new();
    for i in 0..some {
        let baseline = subject.baselines[i * subject.baselines.len() / some];
        let curves = curves(explainer, subject, baseline, &parts, &orders)?;
        mean.resize(curves.len(), vec![0.0; curves[0].len()]);
        let heights = mean.iter_mut().flatten().zip(curves.iter().flatten());
        heights.for_each(|(sum, height)| *sum += height / some as f64);
    }
    let (deletion, insertion) = mean.split_at(orders.len());
    Ok((Some(judged(deletion, |auc, random| auc < random)), Some(judged(insertion, |auc, random| auc > random))))
}

/// The deletion curve of each order, then the insertion curves.
fn curves(
    explainer: &mut Explainer,
    subject: &Subject<'_>,
    baseline: &Sample,
    parts: &[(usize, std::ops::Range<usize>)],
    orders: &[Vec<usize>],
) -> Result<Vec<Vec<f64>>> {
    let n = parts.len();
    let steps = if n <= SINGLE { n } else { STEPS };
    let ranks: Vec<Vec<usize>> = orders
        .iter()
        .map(|order| {
            let mut rank = vec![0; n];
            order.iter().enumerate().for_each(|(place, &part)| rank[part] = place);
            rank
        })
        .collect();
    let (logits, per_curve) = (subject.logits, steps + 1);
    let mut heights = vec![0.0; 2 * orders.len() * per_curve];
    let network = explainer.network(logits);
    let mut answers: Vec<Vec<f32>> = Vec::with_capacity(heights.len());
    network.answers(
        heights.len(),
        &mut |row, input, mut slot| {
            let (curve, step) = (row / per_curve, row % per_curve);
            let (rank, inserts) = (&ranks[curve % orders.len()], curve >= orders.len());
            let gone = step * n / steps;
            let (from, other) = (subject.x, baseline);
            let (start, change) = if inserts { (other, from) } else { (from, other) };
            slot.copy(&start.0[input]);
            for (part, (_, places)) in parts.iter().enumerate().filter(|(_, part)| part.0 == input) {
                if rank[part] < gone {
                    places.clone().for_each(|i| slot.copy_at(i, &change.0[input]));
                }
            }
        },
        &mut |_, answer| answers.push(answer.to_vec()),
    )?;
    for (height, answer) in heights.iter_mut().zip(&answers) {
        *height = subject.target.probability(network, logits, answer);
    }
    Ok(heights.chunks_exact(per_curve).map(<[f64]>::to_vec).collect())
}

/// The mean height by the trapezoid rule.
fn area(curve: &[f64]) -> f64 {
    let sum: f64 = curve.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).sum();
    sum / (curve.len() - 1).max(1) as f64
}

fn judged(curves: &[Vec<f64>], better: impl Fn(f64, f64) -> bool) -> Curve {
    let random = Moments::of(&curves[1..].iter().map(|curve| area(curve)).collect::<Vec<_>>());
    let auc = area(&curves[0]);
    let (passed, spread) = (better(auc, random.mean()), random.deviation());
    Curve { auc, random: random.mean(), spread, curve: curves[0].clone(), passed }
}
