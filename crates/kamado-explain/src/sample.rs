//! What is explained: the numbers of every input of a model for one example.

use kamado_graph::shape::DType;
use kamado_nn::model::InputSpec;

use crate::error::{ExplainError, Result};

/// The numbers of one input for one example, row-major.
#[derive(Clone, PartialEq, Debug)]
pub enum Values {
    /// Floats.
    F32(Vec<f32>),
    /// Tokens or categories.
    I32(Vec<i32>),
}

impl Values {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(x) => x.len(),
            Values::I32(x) => x.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether two have the same number at a place.
    pub(crate) fn same_at(&self, other: &Values, i: usize) -> bool {
        match (self, other) {
            (Values::F32(a), Values::F32(b)) => a[i] == b[i],
            (Values::I32(a), Values::I32(b)) => a[i] == b[i],
            _ => false,
        }
    }
}

/// Where one row of a batch is written.
#[derive(Debug)]
pub(crate) enum Slot<'a> {
    F32(&'a mut [f32]),
    I32(&'a mut [i32]),
}

impl Slot<'_> {
    /// Writes all numbers of an input.
    pub(crate) fn copy(&mut self, values: &Values) {
        match (self, values) {
            (Slot::F32(to), Values::F32(from)) => to.copy_from_slice(from),
            (Slot::I32(to), Values::I32(from)) => to.copy_from_slice(from),
            // `Sample::check` has compared the types with the model's.
            _ => {}
        }
    }

    /// Writes the number at one place.
    pub(crate) fn copy_at(&mut self, i: usize, values: &Values) {
        match (self, values) {
            (Slot::F32(to), Values::F32(from)) => to[i] = from[i],
            (Slot::I32(to), Values::I32(from)) => to[i] = from[i],
            _ => {}
        }
    }
}

/// The numbers of every input of a model for one example, in the order of the model's inputs.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample(pub Vec<Values>);

impl Sample {
    /// An example of a model with one input of floats.
    pub fn of(numbers: impl Into<Vec<f32>>) -> Self {
        Sample(vec![Values::F32(numbers.into())])
    }

    /// An example of a model with one input of tokens.
    pub fn of_tokens(tokens: impl Into<Vec<i32>>) -> Self {
        Sample(vec![Values::I32(tokens.into())])
    }

    /// Zeros everywhere: black, silence, padding.
    pub fn zeros(inputs: &[InputSpec]) -> Self {
        let zeros = |input: &InputSpec| {
            let len = input.shape.iter().product();
            match input.dtype {
                DType::F32 => Values::F32(vec![0.0; len]),
                DType::I32 => Values::I32(vec![0; len]),
            }
        };
        Sample(inputs.iter().map(zeros).collect())
    }

    /// Compares the example with what the model takes; `what` names it in errors.
    ///
    /// # Errors
    /// If it has too few or too many numbers or inputs, numbers of the wrong type, or one that is not finite.
    pub fn check(&self, what: &str, inputs: &[InputSpec]) -> Result<()> {
        if self.0.len() != inputs.len() {
            let names: Vec<_> = inputs.iter().map(|input| format!("{:?}", input.name)).collect();
            let problem = format!("{what} has {} inputs, but the model takes {}", self.0.len(), inputs.len());
            return Err(ExplainError::request(problem, format!("Give one for each of {}", names.join(", "))));
        }
        for (values, input) in self.0.iter().zip(inputs) {
            let expected: usize = input.shape.iter().product();
            if values.len() != expected {
                return Err(ExplainError::request(
                    format!(
                        "the model takes {expected} numbers of shape {:?} for {:?}, but {what} has {}",
                        input.shape,
                        input.name,
                        values.len()
                    ),
                    "Give a whole example, row by row",
                ));
            }
            match (values, input.dtype) {
                (Values::F32(numbers), DType::F32) => {
                    if let Some(i) = numbers.iter().position(|x| !x.is_finite()) {
                        return Err(ExplainError::request(
                            format!("number {} of {what} is {}", i + 1, numbers[i]),
                            "Give finite numbers",
                        ));
                    }
                }
                (Values::I32(_), DType::I32) => {}
                (_, dtype) => {
                    let wanted = if dtype == DType::F32 { "floats" } else { "integers" };
                    let problem = format!("{what} does not have {wanted} for {:?}", input.name);
                    return Err(ExplainError::request(problem, "Give what the model takes"));
                }
            }
        }
        Ok(())
    }
}
