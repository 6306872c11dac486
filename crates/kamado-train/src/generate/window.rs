//! Decoding by running the whole model on the last tokens, again for each new one: for every model whose places see only
//! what is before them.

use std::sync::Arc;

use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_nn::model::Model;

use super::Decoder;
use super::language_model::LanguageModel;
use crate::error::TrainError;
use crate::pass::{STILL, store_of};

/// The model, and the sequences so far.
#[derive(Debug)]
pub(super) struct Window {
    session: Session,
    store: Store,
    language: LanguageModel,
    sequences: Vec<Vec<i32>>,
    /// One row for each sequence.
    log_probabilities: Vec<f32>,
}

impl Window {
    pub(super) fn new(runtime: &Arc<Runtime>, model: &Model, language: LanguageModel) -> Result<Self, TrainError> {
        let store = store_of(model)?;
        let session = Session::new(runtime, model.inference_graph()?.graph, &store)?;
        Ok(Window { session, store, language, sequences: Vec::new(), log_probabilities: Vec::new() })
    }

    /// Begins with one sequence, the prompt.
    pub(super) fn start(&mut self, prompt: &[i32]) -> Result<(), TrainError> {
        self.sequences = vec![prompt.to_vec()];
        self.run()
    }

    /// The distributions behind the last token of each sequence.
    fn run(&mut self) -> Result<(), TrainError> {
        let LanguageModel { ref input, length, vocabulary, .. } = self.language;
        let mut windows = vec![0; self.sequences.len() * length];
        for (sequence, window) in self.sequences.iter().zip(windows.chunks_exact_mut(length)) {
            let last = &sequence[sequence.len().saturating_sub(length)..];
            window[..last.len()].copy_from_slice(last);
        }
        let feeds = [(input.as_str(), Feed::I32(&windows))];
        let outputs = self.session.run(&mut self.store, self.sequences.len(), &STILL, &feeds)?;
        let outputs = outputs.get("prediction").unwrap_or_default();
        self.log_probabilities.clear();
        for (sequence, example) in self.sequences.iter().zip(outputs.chunks_exact(length * vocabulary)) {
            let place = sequence.len().min(length) - 1;
            let row = &example[place * vocabulary..][..vocabulary];
            self.language.log_probabilities(row, &mut self.log_probabilities)?;
        }
        Ok(())
    }
}

impl Decoder for Window {
    fn log_probabilities(&self, beam: usize) -> &[f32] {
        let vocabulary = self.language.vocabulary;
        &self.log_probabilities[beam * vocabulary..][..vocabulary]
    }

    fn advance(&mut self, parents: &[usize], tokens: &[i32]) -> Result<(), TrainError> {
        self.sequences = super::continued(&self.sequences, parents, tokens);
        self.run()
    }
}
