//! How far an explanation can be trusted.

mod agreement;
mod completeness;
mod curves;
mod randomisation;
mod stability;

use std::time::Instant;

use serde::Serialize;

use crate::error::Result;
use crate::explainer::Explainer;
use crate::explanation::Explanation;
use crate::method::Method;
use crate::request::Request;
use crate::sample::{Sample, Values};
use crate::target::Target;

pub use agreement::Agreement;
pub use completeness::Completeness;
pub use curves::Curve;
pub use randomisation::Randomisation;
pub use stability::Stability;

/// What was checked; what does not apply to the method, or had no time, is left out.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Checks {
    /// Whether the contributions add up to the answer minus that for the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completeness: Option<Completeness>,
    /// How fast the answer falls if the most important parts go first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Curve>,
    /// How fast the answer rises if the most important parts come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insertion: Option<Curve>,
    /// Whether the explanation depends on what the model has learnt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub randomisation: Option<Randomisation>,
    /// Whether a little noise changes little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<Stability>,
    /// How well another method agrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// Whether nothing failed.
    pub passed: bool,
}

impl Checks {
    /// Every check that was made: its name, whether it passed, and its numbers in words.
    pub fn list(&self) -> Vec<(&'static str, bool, String)> {
        let mut list = Vec::new();
        if let Some(c) = &self.completeness {
            list.push(("adds up", c.passed, format!("off by {:.1e}, {:.1e} of the change", c.error, c.relative)));
        }
        for (name, curve) in [("deletion", &self.deletion), ("insertion", &self.insertion)] {
            if let Some(c) = curve {
                list.push((name, c.passed, format!("area {:.3}, at random {:.3} ± {:.3}", c.auc, c.random, c.spread)));
            }
        }
        if let Some(r) = &self.randomisation {
            let words = format!("rank correlation {:.2}; of two random models {:.2}", r.correlation, r.baseline);
            list.push(("depends on the weights", r.passed, words));
        }
        if let Some(s) = &self.stability {
            list.push((
                "stable",
                s.passed,
                format!("rank correlation {:.2} under {:.0} % noise", s.correlation, 100.0 * s.noise),
            ));
        }
        if let Some(a) = &self.agreement {
            list.push(("agrees", a.passed, format!("rank correlation {:.2} with {}", a.correlation, a.with)));
        }
        list
    }
}

/// What is checked.
pub(crate) struct Subject<'a> {
    pub(crate) x: &'a Sample,
    pub(crate) baselines: &'a [&'a Sample],
    pub(crate) target: &'a Target,
    pub(crate) request: &'a Request,
    pub(crate) logits: bool,
    pub(crate) deadline: Option<Instant>,
}

impl Subject<'_> {
    /// The contributions by the method, more cheaply, for another example or other weights.
    fn again(&self, explainer: &mut Explainer, xs: &[&Sample], method: Method) -> Result<Vec<Vec<f64>>> {
        let request = Request { method, ..cheap(self.request) };
        let targets = vec![self.target.clone(); xs.len()];
        let network = explainer.network(self.logits);
        let found = crate::explainer::attribute(network, xs, self.baselines, &targets, &request, None)?;
        Ok(found.into_iter().map(|found| found.values.concat()).collect())
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// The same wish with fewer samples: checks ask for ranks.
fn cheap(request: &Request) -> Request {
    let samples = match request.method {
        Method::SmoothGrad => Some(25),
        Method::KernelShap => Some(512),
        Method::Lime => Some(500),
        Method::Shapley | Method::SampledShapley => Some(24),
        _ => None,
    };
    let samples = samples.map(|most| request.samples.map_or(most, |wish| wish.min(most)));
    Request { samples, steps: Some(request.steps.unwrap_or(24).min(24)), time: None, checks: false, ..request.clone() }
}

/// All checks that apply and have time.
pub(crate) fn all(explainer: &mut Explainer, subject: &Subject<'_>, explanation: &Explanation) -> Result<Checks> {
    let mut checks = Checks { completeness: completeness::check(explanation), ..Checks::default() };
    if !subject.is_late() {
        (checks.deletion, checks.insertion) = curves::check(explainer, subject, explanation)?;
    }
    if !subject.is_late() {
        checks.randomisation = randomisation::check(explainer, subject, explanation)?;
    }
    if !subject.is_late() {
        checks.stability = stability::check(explainer, subject, explanation)?;
    }
    if !subject.is_late() {
        checks.agreement = agreement::check(explainer, subject, explanation)?;
    }
    checks.passed = checks.list().iter().all(|(_, passed, _)| *passed);
    Ok(checks)
}

/// A copy with noise of this share of each input's range; integers stay.
pub(crate) fn noisy(x: &Sample, share: f64, seed: u64) -> Sample {
    let mut rng = kamado_graph::rng::Rng::new(seed, 5);
    let inputs = x.0.iter().map(|values| match values {
        Values::I32(tokens) => Values::I32(tokens.clone()),
        Values::F32(numbers) => {
            let range = crate::methods::gradient::range(numbers);
            let sigma = share * if range > 0.0 { range } else { 1.0 };
            let add = |&x: &f32| (f64::from(x) + sigma * rng.normal()) as f32;
            Values::F32(numbers.iter().map(add).collect())
        }
    });
    Sample(inputs.collect())
}
