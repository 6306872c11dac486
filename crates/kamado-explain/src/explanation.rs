//! What an explanation consists of.

use serde::Serialize;

use crate::checks::Checks;
use crate::method::Method;

/// What one input of the model contributed.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Attribution {
    /// The name of the input.
    pub name: String,
    /// The shape of one example of it.
    pub shape: Vec<usize>,
    /// A contribution for each number of the input, row-major; positive speaks for the target.
    pub values: Vec<f64>,
    /// For methods that sample, half the width of the 95 % confidence interval of each contribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Vec<f64>>,
}

/// Whether the explained number is the model's output, or what stands before its last softmax or sigmoid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// The model's output.
    Output,
    /// The number before the last softmax or sigmoid.
    Logit,
}

/// Why the model gave its answer for one example.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explanation {
    /// How the contributions were found.
    pub method: Method,
    /// The class or output that is explained, by number.
    pub target: usize,
    /// Its name, if it is a class with one.
    pub label: Option<String>,
    /// What is explained: the output or the logit.
    pub space: Space,
    /// The contributions, for each input of the model in its order.
    pub inputs: Vec<Attribution>,
    /// The explained number for the example.
    pub output: f64,
    /// The explained number for the baseline; the mean over several.
    pub baseline_output: f64,
    /// How often an example went through the network.
    pub evaluations: usize,
    /// Whether the method is exact, or converged, rather than cut short by a limit on time or samples.
    pub converged: bool,
    /// The seed of everything random.
    pub seed: u64,
    /// How far the explanation can be trusted.
    pub checks: Checks,
}

impl Explanation {
    /// The contributions of all inputs, one after the other.
    pub fn values(&self) -> Vec<f64> {
        self.inputs.iter().flat_map(|input| input.values.iter().copied()).collect()
    }

    /// The sum of all contributions.
    pub fn sum(&self) -> f64 {
        self.inputs.iter().flat_map(|input| &input.values).sum()
    }
}
