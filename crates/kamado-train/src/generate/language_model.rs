//! What every way of decoding must know about a model.

use kamado_graph::shape::{DType, Dim};
use kamado_nn::model::Model;

use crate::error::TrainError;
use crate::preflight::{Ending, ending};

/// A model that turns tokens `[B, T]` into a distribution over the next token at each place.
#[derive(Clone, Debug)]
pub(super) struct LanguageModel {
    /// The name of its input.
    pub(super) input: String,
    /// The most tokens that it takes in, T.
    pub(super) length: usize,
    /// How many tokens there are.
    pub(super) vocabulary: usize,
    /// Whether it gives probabilities rather than logits.
    normalised: bool,
}

impl LanguageModel {
    pub(super) fn of(model: &Model) -> Result<Self, TrainError> {
        let ([spec], 1) = (&model.spec.inputs[..], model.spec.outputs.len()) else {
            let (inputs, outputs) = (model.spec.inputs.len(), model.spec.outputs.len());
            let problem = format!("the model has {inputs} inputs and {outputs} outputs");
            return Err(TrainError::request(problem, "Give one with one input and one output"));
        };
        let input = spec.name.clone();
        let graph = model.inference_graph()?.graph;
        let output = graph.output("prediction");
        let shape = output.map(|node| graph.shape(node).clone()).unwrap_or_default();
        let (&[length], DType::I32, &[Dim::Batch(1), Dim::Fixed(places), Dim::Fixed(vocabulary)]) =
            (&spec.shape[..], spec.dtype, &shape[..])
        else {
            let problem = format!("the model turns {} into {shape}", spec.ty());
            return Err(TrainError::request(problem, "Give one that turns tokens i32[B, T] into f32[B, T, tokens]"));
        };
        if places != length {
            let problem = format!("the model gives {places} distributions for {length} tokens");
            return Err(TrainError::request(problem, "Give one that predicts the next token at each place"));
        }
        let normalised = output.is_some_and(|node| ending(&graph, node) == Ending::Softmax);
        Ok(LanguageModel { input, length, vocabulary, normalised })
    }

    /// Refuses a prompt that is empty or holds a number that is no token.
    pub(super) fn check(&self, prompt: &[i32]) -> Result<(), TrainError> {
        let known = |&token: &i32| usize::try_from(token).is_ok_and(|token| token < self.vocabulary);
        if let Some(place) = prompt.iter().position(|token| !known(token)) {
            let problem = format!("{} at place {place} of the prompt is no token", prompt[place]);
            return Err(TrainError::request(problem, format!("Tokens are 0 to {}", self.vocabulary - 1)));
        }
        if prompt.is_empty() {
            return Err(TrainError::request("the prompt is empty", "Give at least one token to continue"));
        }
        Ok(())
    }

    /// Appends the logarithms of the probabilities of one of the model's results.
    pub(super) fn log_probabilities(&self, row: &[f32], to: &mut Vec<f32>) -> Result<(), TrainError> {
        if row.iter().any(|x| x.is_nan()) {
            return Err(TrainError::request("the model's output is not a number", "Train it again"));
        }
        if self.normalised {
            to.extend(row.iter().map(|p| p.ln()));
            return Ok(());
        }
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let log_sum = row.iter().map(|x| (x - largest).exp()).sum::<f32>().ln() + largest;
        to.extend(row.iter().map(|x| x - log_sum));
        Ok(())
    }
}
