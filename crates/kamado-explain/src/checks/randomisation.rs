//! Whether the explanation depends on what the model has learnt.
//!
//! The weights are drawn anew, and the maps of the trained model and of random ones are compared by rank. A method may
//! keep something in common on its own account, such as the factor `x - b` of integrated gradients: that is measured
//! between random models and given beside the result.
//!
//! Source: Adebayo et al., "Sanity checks for saliency maps", 2018.

use kamado_nn::model::{Model, Seed};
use serde::Serialize;

use super::Subject;
use crate::error::Result;
use crate::explainer::Explainer;
use crate::explanation::Explanation;
use crate::stats::{Moments, likeness};

/// Models with random weights.
const MODELS: u64 = 4;
/// What the trained model may have more in common with random ones than they have with each other.
const MARGIN: f64 = 0.1;

/// The rank correlation between sizes of contributions before and after the weights were drawn anew.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Randomisation {
    /// The mean between the trained model and random ones.
    pub correlation: f64,
    /// The mean between two random ones: what the method has in common on its own account.
    pub baseline: f64,
    /// Its standard deviation.
    pub spread: f64,
    /// Whether the trained model is no more like random ones than these are like each other.
    pub passed: bool,
}

pub(super) fn check(
    explainer: &mut Explainer,
    subject: &Subject<'_>,
    explanation: &Explanation,
) -> Result<Option<Randomisation>> {
    let sizes = |values: &[f64]| -> Vec<f64> { values.iter().map(|v| v.abs()).collect() };
    let trained = sizes(&explanation.values());
    if trained.len() < 3 {
        return Ok(None);
    }
    let mut random: Vec<Vec<f64>> = Vec::new();
    for i in 0..MODELS {
        let seed = Seed(subject.request.seed.wrapping_add(0x9E37_79B9).wrapping_add(i));
        let model = Model::new(explainer.model.spec.clone(), seed)?;
        explainer.network(subject.logits).set_weights(&model)?;
        let values = subject.again(explainer, &[subject.x], subject.request.method);
        let own = explainer.model.clone();
        explainer.network(subject.logits).set_weights(&own)?;
        random.push(sizes(&values?[0]));
    }
    let mut null = Moments::default();
    for i in 0..random.len() {
        (0..i).for_each(|j| null.add(likeness(&random[i], &random[j])));
    }
    let with = Moments::of(&random.iter().map(|values| likeness(&trained, values)).collect::<Vec<_>>());
    let spread = null.deviation();
    let passed = with.mean() <= null.mean().max(0.0) + MARGIN + 2.0 * spread;
    Ok(Some(Randomisation { correlation: with.mean(), baseline: null.mean(), spread, passed }))
}
