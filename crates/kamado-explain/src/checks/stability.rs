//! Whether a little noise changes little.

use serde::Serialize;

use super::{Subject, noisy};
use crate::error::Result;
use crate::explainer::Explainer;
use crate::explanation::Explanation;
use crate::sample::{Sample, Values};
use crate::stats::likeness;

/// The noise, as a share of the range of the example's numbers.
const NOISE: f64 = 0.02;
/// Noisy copies.
const COPIES: u64 = 4;
/// The least rank correlation.
const LEAST: f64 = 0.5;

/// How like the contributions are under noise.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Stability {
    /// The standard deviation of the noise as a share of the range of the example's numbers.
    pub noise: f64,
    /// The mean rank correlation between the contributions with and without noise.
    pub correlation: f64,
    /// Whether it is at least 0.5.
    pub passed: bool,
}

pub(super) fn check(
    explainer: &mut Explainer,
    subject: &Subject<'_>,
    explanation: &Explanation,
) -> Result<Option<Stability>> {
    let floats = subject.x.0.iter().any(|values| matches!(values, Values::F32(_)));
    let own = explanation.values();
    if !floats || own.len() < 3 || own.iter().all(|&v| v == 0.0) {
        return Ok(None);
    }
    // Noise on what equals the baseline would only create players.
    let copy = |i: u64| still_where_absent(noisy(subject.x, NOISE, subject.request.seed ^ (i + 1)), subject);
    let copies: Vec<Sample> = (0..COPIES).map(copy).collect();
    let found = subject.again(explainer, &copies.iter().collect::<Vec<_>>(), subject.request.method)?;
    let correlation = found.iter().map(|values| likeness(&own, values)).sum::<f64>() / found.len() as f64;
    Ok(Some(Stability { noise: NOISE, correlation, passed: correlation >= LEAST }))
}

fn still_where_absent(mut noisy: Sample, subject: &Subject<'_>) -> Sample {
    let absent = &subject.baselines[0].0;
    for ((to, x), b) in noisy.0.iter_mut().zip(&subject.x.0).zip(absent) {
        if let (Values::F32(to), Values::F32(x), Values::F32(b)) = (to, x, b) {
            to.iter_mut().zip(x.iter().zip(b)).filter(|(_, (x, b))| x == b).for_each(|(to, (x, _))| *to = *x);
        }
    }
    noisy
}
