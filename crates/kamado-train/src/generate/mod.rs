//! Text and other token sequences from a model that gives, for each place, a distribution over the next token.

mod beam;
mod cached;
mod language_model;
mod sampling;
mod window;

pub use sampling::Sampling;

use std::path::Path;

use kamado_data::{Preprocessing, Tokenizer};
use kamado_engine::Runtime;
use kamado_graph::rng::Rng;
use kamado_nn::model::Model;
use kamado_nn::model_file::{self, ModelFile};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use cached::Cached;
use language_model::LanguageModel;
use window::Window;

/// How the next token is chosen.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decoding {
    /// Always the likeliest.
    Greedy,
    /// Drawn at random.
    Sample(Sampling),
    /// The likeliest continuation as a whole, as far as a search of this width finds it.
    Beam {
        /// The continuations kept at each length; at least 1.
        width: usize,
        /// Continuations are compared by the logarithm of their probability over `length ^ length_penalty`.
        length_penalty: f64,
    },
}

/// What to generate.
#[derive(Clone, PartialEq, Debug)]
pub struct Generation {
    /// How the next token is chosen.
    pub decoding: Decoding,
    /// The most tokens that are added to the prompt.
    pub max_new_tokens: usize,
    /// Tokens that end the sequence, of which they are then the last.
    pub stop: Vec<i32>,
}

impl Default for Generation {
    /// 200 tokens, drawn from the model's distribution with seed 0.
    fn default() -> Self {
        Generation { decoding: Decoding::Sample(Sampling::default()), max_new_tokens: 200, stop: Vec::new() }
    }
}

/// Sequences that grow token by token.
pub(crate) trait Decoder {
    /// The logarithms of the probabilities of the tokens that can follow sequence `beam`.
    fn log_probabilities(&self, beam: usize) -> &[f32];

    /// Replaces the sequences by continuations: the `i`th becomes the former sequence `parents[i]` with `tokens[i]`.
    fn advance(&mut self, parents: &[usize], tokens: &[i32]) -> Result<(), TrainError>;
}

/// `sequences[parents[i]]` with `tokens[i]` behind it, for each `i`.
fn continued(sequences: &[Vec<i32>], parents: &[usize], tokens: &[i32]) -> Vec<Vec<i32>> {
    let each = parents.iter().zip(tokens);
    each.map(|(&parent, &token)| sequences[parent].iter().copied().chain([token]).collect()).collect()
}

/// How the distributions are computed.
#[derive(Debug)]
enum Means {
    Cached(Cached),
    Window(Window),
}

impl Means {
    /// With memories if the model can, otherwise the whole model again for each token.
    fn of(model: &Model, language: &LanguageModel, threads: Option<usize>) -> Result<Self, TrainError> {
        let runtime = Runtime::new(threads)?;
        Ok(match Cached::new(&runtime, model, language.clone())? {
            Some(cached) => Means::Cached(cached),
            None => Means::Window(Window::new(&runtime, model, language.clone())?),
        })
    }

    /// Begins with one sequence, a prompt that the model takes.
    fn start(&mut self, prompt: &[i32]) -> Result<&mut dyn Decoder, TrainError> {
        match self {
            Means::Cached(cached) => cached.start(prompt)?,
            Means::Window(window) => window.start(prompt)?,
        }
        Ok(match self {
            Means::Cached(cached) => cached,
            Means::Window(window) => window,
        })
    }
}

/// A model that continues sequences of tokens.
///
/// Where every layer can, a token costs one time step of the model, since the layers remember the tokens before it; a
/// sequence that outgrows the model's length then goes on from the last half of what it could take in. With other models the
/// whole model runs on the last tokens again for each new one.
#[derive(Debug)]
pub struct Generator {
    language: LanguageModel,
    means: Means,
    tokenizer: Option<Tokenizer>,
}

impl Generator {
    /// Reads a model file.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or holds a model that does not continue sequences.
    pub fn load(path: &Path, threads: Option<usize>) -> Result<Self, TrainError> {
        Self::new(model_file::load(path)?, threads)
    }

    /// A generator for the contents of a model file, on this many threads, or as many as the machine runs at once.
    ///
    /// # Errors
    /// If the model does not turn tokens `[B, T]` into distributions `[B, T, tokens]`.
    pub fn new(file: ModelFile, threads: Option<usize>) -> Result<Self, TrainError> {
        let preprocessing: Preprocessing = match file.preprocessing {
            serde_json::Value::Null => Preprocessing::default(),
            kept => serde_json::from_value(kept).map_err(|e| {
                let problem = format!("the preprocessing in the model file cannot be read: {e}");
                TrainError::request(problem, "Use the version of Kamado that wrote it, or train the model again")
            })?,
        };
        let language = LanguageModel::of(&file.model)?;
        let means = Means::of(&file.model, &language, threads)?;
        Ok(Generator { language, means, tokenizer: preprocessing.text })
    }

    /// How many tokens there are.
    pub fn vocabulary(&self) -> usize {
        self.language.vocabulary
    }

    /// Continues `prompt`; `each` is told every token as it is chosen and says whether to go on. Beam search chooses all at
    /// the end. The result is what was added.
    ///
    /// # Errors
    /// If the prompt is empty, holds a number that is no token, or a setting is out of range.
    pub fn generate(
        &mut self,
        prompt: &[i32],
        generation: &Generation,
        mut each: impl FnMut(i32) -> bool,
    ) -> Result<Vec<i32>, TrainError> {
        self.language.check(prompt)?;
        let sampling = match generation.decoding {
            Decoding::Greedy => Sampling { temperature: 0.0, ..Sampling::default() },
            Decoding::Sample(sampling) => sampling,
            Decoding::Beam { width, length_penalty } => {
                if !(1..=1024).contains(&width) || !length_penalty.is_finite() {
                    let problem = format!("a beam of width {width} with length_penalty {length_penalty}");
                    return Err(TrainError::request(problem, "Give a width from 1 to 1024 and a finite penalty"));
                }
                let decoder = self.means.start(prompt)?;
                let Generation { max_new_tokens, stop, .. } = generation;
                let tokens = beam::search(decoder, width, length_penalty, *max_new_tokens, stop)?;
                tokens.iter().all(|&token| each(token));
                return Ok(tokens);
            }
        };
        sampling.check()?;
        let decoder = self.means.start(prompt)?;
        let mut rng = Rng::new(sampling.seed, 0);
        let mut added = Vec::new();
        while added.len() < generation.max_new_tokens {
            let token = sampling.draw(decoder.log_probabilities(0), &mut rng) as i32;
            added.push(token);
            if !each(token) || generation.stop.contains(&token) || added.len() == generation.max_new_tokens {
                break;
            }
            decoder.advance(&[0], &[token])?;
        }
        Ok(added)
    }

    /// Continues a text; `each` is told every piece of text as it is chosen and says whether to go on. The result is what
    /// was added.
    ///
    /// # Errors
    /// As [`generate`](Generator::generate); if the prompt has a character that the model does not know, or the model was
    /// not trained on text.
    pub fn generate_text(
        &mut self,
        prompt: &str,
        generation: &Generation,
        mut each: impl FnMut(&str) -> bool,
    ) -> Result<String, TrainError> {
        let tokenizer = self.tokenizer.clone().ok_or_else(|| {
            TrainError::request(
                "the model file has no tokenizer",
                "Give a model that was trained with source = \"text\"",
            )
        })?;
        let tokens = tokenizer.encode(prompt)?;
        let added = self.generate(&tokens, generation, |token| each(&tokenizer.decode(&[token])))?;
        Ok(tokenizer.decode(&added))
    }
}

#[cfg(test)]
mod tests;
