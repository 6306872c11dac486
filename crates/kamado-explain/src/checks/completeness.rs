//! Whether the contributions add up.

use serde::Serialize;

use crate::explanation::Explanation;

/// The share of the change that may be missing.
const TOLERANCE: f64 = 1e-4;

/// Whether the contributions add up to the answer minus that for the baseline.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Completeness {
    /// `|Σ contributions - (output - baseline output)|`.
    pub error: f64,
    /// The error over the change of the output.
    pub relative: f64,
    /// Whether the relative error is at most 1e-4, or no more than f32 resolves or the confidence intervals allow.
    pub passed: bool,
}

pub(super) fn check(explanation: &Explanation) -> Option<Completeness> {
    if !explanation.method.adds_up() {
        return None;
    }
    let change = explanation.output - explanation.baseline_output;
    let error = (explanation.sum() - change).abs();
    let resolved = 8.0 * f64::from(f32::EPSILON) * explanation.output.abs().max(explanation.baseline_output.abs());
    let intervals: f64 = explanation.inputs.iter().flat_map(|input| input.error.iter().flatten()).map(|e| e * e).sum();
    let passed = error <= (TOLERANCE * change.abs()).max(resolved).max(intervals.sqrt());
    Some(Completeness { error, relative: error / change.abs().max(f64::MIN_POSITIVE).max(resolved), passed })
}
