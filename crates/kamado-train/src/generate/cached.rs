//! Decoding with memories: each layer keeps what it needs of the tokens before, so a new token costs one time step.
//!
//! A model whose places are numbered, or that looks back at other tokens, takes in at most T of them. Where a sequence would
//! grow beyond, decoding begins anew with the last T / 2 tokens of it. Until then the distributions are those of
//! [`Window`](super::window::Window), up to rounding; afterwards they rest on fewer tokens. A model whose memory is a state,
//! of recurrent layers alone, has no such limit.

use std::sync::Arc;

use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_nn::layers;
use kamado_nn::model::{DecodingGraph, Model};

use super::Decoder;
use super::language_model::LanguageModel;
use crate::error::TrainError;
use crate::pass::{STILL, store_of};

/// The model, the sequences so far, and what its layers remember of them.
#[derive(Debug)]
pub(super) struct Cached {
    session: Session,
    store: Store,
    language: LanguageModel,
    /// Whether the model takes in at most so many tokens as it has places.
    limited: bool,
    memories: Vec<Memory>,
    sequences: Vec<Vec<i32>>,
    /// How many tokens of each sequence the memories hold.
    taken_in: usize,
    /// One row for each sequence.
    log_probabilities: Vec<f32>,
}

/// A memory of each sequence, one after the other.
#[derive(Debug)]
struct Memory {
    layer: layers::Memory,
    /// The elements of one sequence.
    len: usize,
    data: Vec<f32>,
}

impl Memory {
    /// The memories of continuations: the `i`th continues sequence `parents[i]`.
    fn reorder(&mut self, parents: &[usize]) {
        let of = |&parent: &usize| &self.data[parent * self.len..][..self.len];
        self.data = parents.iter().flat_map(of).copied().collect();
    }

    /// Takes in what a token at this place adds, for every sequence.
    fn take_in(&mut self, new: &[f32], place: usize) {
        let width = self.layer.width;
        let first = if self.layer.per_token { place * width } else { 0 };
        for (memory, new) in self.data.chunks_exact_mut(self.len).zip(new.chunks_exact(width)) {
            memory[first..first + width].copy_from_slice(new);
        }
    }
}

impl Cached {
    /// `None` if the model has a layer that cannot run on one token at a time, or more memories than a run takes inputs.
    pub(super) fn new(
        runtime: &Arc<Runtime>,
        model: &Model,
        language: LanguageModel,
    ) -> Result<Option<Self>, TrainError> {
        let Ok(DecodingGraph { graph, tokens, memories }) = model.spec.decoding_graph() else { return Ok(None) };
        if graph.inputs().count() > Session::MAX_FEEDS {
            return Ok(None);
        }
        let has = |name| graph.inputs().any(|(input, _)| input == name);
        let limited = has(DecodingGraph::POSITION) || has(DecodingGraph::FILLED);
        let memories = memories
            .into_iter()
            .map(|layer| {
                let len = layer.width * if layer.per_token { tokens } else { 1 };
                Memory { layer, len, data: Vec::new() }
            })
            .collect();
        let store = store_of(model)?;
        let session = Session::new(runtime, graph, &store)?;
        let (sequences, log_probabilities) = (Vec::new(), Vec::new());
        Ok(Some(Cached { session, store, language, limited, memories, sequences, taken_in: 0, log_probabilities }))
    }

    /// Begins with one sequence, the prompt.
    pub(super) fn start(&mut self, prompt: &[i32]) -> Result<(), TrainError> {
        self.sequences = vec![prompt.to_vec()];
        self.begin(if self.limited { self.language.length } else { prompt.len() })
    }

    /// Takes in the last `count` tokens of each sequence, from empty memories.
    fn begin(&mut self, count: usize) -> Result<(), TrainError> {
        let rows = self.sequences.len();
        for memory in &mut self.memories {
            memory.data.clear();
            memory.data.resize(rows * memory.len, 0.0);
        }
        self.taken_in = 0;
        let length = self.sequences.first().map_or(0, Vec::len);
        (length.saturating_sub(count)..length).try_for_each(|place| self.take_in(place))
    }

    /// Takes in the token at this place of each sequence.
    fn take_in(&mut self, place: usize) -> Result<(), TrainError> {
        let Cached { session, store, language, memories, .. } = self;
        let rows = self.sequences.len();
        let tokens: Vec<i32> = self.sequences.iter().map(|sequence| sequence[place]).collect();
        let position = vec![self.taken_in as i32; rows];
        let filled: Vec<f32> =
            (0..rows * language.length).map(|i| f32::from(i % language.length < self.taken_in)).collect();
        let mut feeds = vec![
            (language.input.as_str(), Feed::I32(&tokens)),
            (DecodingGraph::POSITION, Feed::I32(&position)),
            (DecodingGraph::FILLED, Feed::F32(&filled)),
        ];
        feeds.extend(memories.iter().map(|memory| (memory.layer.input.as_str(), Feed::F32(&memory.data))));
        let outputs = session.run(store, rows, &STILL, &feeds)?;
        drop(feeds);
        for memory in memories.iter_mut() {
            memory.take_in(outputs.get(&memory.layer.output).unwrap_or_default(), self.taken_in);
        }
        self.log_probabilities.clear();
        for row in outputs.get("prediction").unwrap_or_default().chunks_exact(language.vocabulary) {
            language.log_probabilities(row, &mut self.log_probabilities)?;
        }
        self.taken_in += 1;
        Ok(())
    }
}

impl Decoder for Cached {
    fn log_probabilities(&self, beam: usize) -> &[f32] {
        let vocabulary = self.language.vocabulary;
        &self.log_probabilities[beam * vocabulary..][..vocabulary]
    }

    fn advance(&mut self, parents: &[usize], tokens: &[i32]) -> Result<(), TrainError> {
        let unchanged = parents.len() == self.sequences.len() && parents.iter().enumerate().all(|(i, &p)| i == p);
        self.sequences = super::continued(&self.sequences, parents, tokens);
        if self.limited && self.taken_in == self.language.length {
            return self.begin((self.language.length / 2).max(1));
        }
        if !unchanged {
            self.memories.iter_mut().for_each(|memory| memory.reorder(parents));
        }
        let last = self.sequences.first().map_or(0, |sequence| sequence.len() - 1);
        self.take_in(last)
    }
}
