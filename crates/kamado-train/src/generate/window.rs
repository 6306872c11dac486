//! Decoding by running the whole model on the last tokens, again for each new one: for every model whose places see only
//! what is before them.

use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::shape::{DType, Dim};
use kamado_nn::model::Model;

use super::Decoder;
use crate::error::TrainError;
use crate::pass::{STILL, single_input_and_units, store_of};
use crate::preflight::{Ending, ending};

/// The model, and the sequences so far.
#[derive(Debug)]
pub(super) struct Window {
    session: Session,
    store: Store,
    input: String,
    length: usize,
    vocabulary: usize,
    /// Whether the model gives probabilities rather than logits.
    normalised: bool,
    sequences: Vec<Vec<i32>>,
    /// One row for each sequence.
    log_probabilities: Vec<f32>,
}

impl Window {
    pub(super) fn new(model: &Model, threads: Option<usize>) -> Result<Self, TrainError> {
        let (input, _) = single_input_and_units(model)?;
        let spec = &model.spec.inputs[0];
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
        let store = store_of(model)?;
        let session = Session::new(&Runtime::new(threads)?, graph, &store)?;
        let (sequences, log_probabilities) = (Vec::new(), Vec::new());
        Ok(Window { session, store, input, length, vocabulary, normalised, sequences, log_probabilities })
    }

    pub(super) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Begins with one sequence, the prompt.
    pub(super) fn start(&mut self, prompt: &[i32]) -> Result<(), TrainError> {
        let known = |&token: &i32| usize::try_from(token).is_ok_and(|token| token < self.vocabulary);
        if let Some(place) = prompt.iter().position(|token| !known(token)) {
            let problem = format!("{} at place {place} of the prompt is no token", prompt[place]);
            return Err(TrainError::request(problem, format!("Tokens are 0 to {}", self.vocabulary - 1)));
        }
        if prompt.is_empty() {
            return Err(TrainError::request("the prompt is empty", "Give at least one token to continue"));
        }
        self.sequences = vec![prompt.to_vec()];
        self.run()
    }

    /// The distributions behind the last token of each sequence.
    fn run(&mut self) -> Result<(), TrainError> {
        let mut windows = vec![0; self.sequences.len() * self.length];
        for (sequence, window) in self.sequences.iter().zip(windows.chunks_exact_mut(self.length)) {
            let last = &sequence[sequence.len().saturating_sub(self.length)..];
            window[..last.len()].copy_from_slice(last);
        }
        let feeds = [(self.input.as_str(), Feed::I32(&windows))];
        let outputs = self.session.run(&mut self.store, self.sequences.len(), &STILL, &feeds)?;
        let outputs = outputs.get("prediction").unwrap_or_default();
        self.log_probabilities.clear();
        for (sequence, example) in self.sequences.iter().zip(outputs.chunks_exact(self.length * self.vocabulary)) {
            let place = sequence.len().min(self.length) - 1;
            let row = &example[place * self.vocabulary..][..self.vocabulary];
            if row.iter().any(|x| x.is_nan()) {
                return Err(TrainError::request("the model's output is not a number", "Train it again"));
            }
            log_probabilities(row, self.normalised, &mut self.log_probabilities);
        }
        Ok(())
    }
}

/// Appends the logarithms of the probabilities that `row` holds, as probabilities or as logits.
fn log_probabilities(row: &[f32], normalised: bool, to: &mut Vec<f32>) {
    if normalised {
        to.extend(row.iter().map(|p| p.ln()));
        return;
    }
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let log_sum = row.iter().map(|x| (x - largest).exp()).sum::<f32>().ln() + largest;
    to.extend(row.iter().map(|x| x - log_sum));
}

impl Decoder for Window {
    fn log_probabilities(&self, beam: usize) -> &[f32] {
        &self.log_probabilities[beam * self.vocabulary..][..self.vocabulary]
    }

    fn advance(&mut self, parents: &[usize], tokens: &[i32]) -> Result<(), TrainError> {
        let continued = |(&parent, &token): (&usize, &i32)| {
            let mut sequence = self.sequences[parent].clone();
            sequence.push(token);
            sequence
        };
        self.sequences = parents.iter().zip(tokens).map(continued).collect();
        self.run()
    }
}
