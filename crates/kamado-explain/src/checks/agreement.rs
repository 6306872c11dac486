//! How well another method agrees.

use serde::Serialize;

use super::Subject;
use crate::error::Result;
use crate::explainer::Explainer;
use crate::explanation::Explanation;
use crate::method::Method;
use crate::stats::likeness;

/// The least rank correlation.
const LEAST: f64 = 0.0;

/// The rank correlation with another method.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Agreement {
    /// The other method.
    pub with: Method,
    /// The rank correlation of the contributions.
    pub correlation: f64,
    /// Whether it is above 0: two methods that contradict each other cannot both be right.
    pub passed: bool,
}

pub(super) fn check(
    explainer: &mut Explainer,
    subject: &Subject<'_>,
    explanation: &Explanation,
) -> Result<Option<Agreement>> {
    let own = explanation.values();
    if own.len() < 3 || own.iter().all(|&v| v == 0.0) {
        return Ok(None);
    }
    // Gradients say how the answer changes, not what contributes: they are compared in size.
    let sizes = matches!(explanation.method, Method::Gradient | Method::SmoothGrad);
    let with = match explanation.method {
        Method::Occlusion | Method::Shapley | Method::SampledShapley | Method::KernelShap | Method::Lime => {
            Method::IntegratedGradients
        }
        Method::Gradient => Method::SmoothGrad,
        Method::SmoothGrad => Method::Gradient,
        _ => Method::Occlusion,
    };
    let Ok(mut other) = subject.again(explainer, &[subject.x], with) else { return Ok(None) };
    let mut other = other.pop().unwrap_or_default();
    let mut own = own;
    if sizes {
        own.iter_mut().chain(&mut other).for_each(|v| *v = v.abs());
    }
    let correlation = likeness(&own, &other);
    Ok(Some(Agreement { with, correlation, passed: correlation > LEAST }))
}
