//! From a text to the numbers of a network.

use std::path::PathBuf;

use kamado_graph::rng::Rng;
use serde::{Deserialize, Serialize};

use super::augment::TextAugment;
use super::encoder::Encoder;
use super::normalise::Normalise;
use super::subwords;
use super::tokenizer::Tokenizer;
use crate::error::{DataError, Result};
use crate::ready::Ready;

/// The number that fills a text up to its length.
pub const PADDING: i32 = 0;
/// The number of a token that was not seen in training.
pub const UNKNOWN: i32 = 1;
/// Token `t` of the tokeniser is the number `t + RESERVED`.
const RESERVED: i32 = 2;
/// The greatest vocabulary.
const MOST_TOKENS: usize = 1 << 22;
/// The greatest length that is chosen by itself.
const LONGEST: usize = 1024;

/// The beginning or the end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The beginning.
    Start,
    /// The end.
    End,
}

/// Which [`Tokenizer`] is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenizerKind {
    /// Characters: no rule about words, short vocabularies, long sequences.
    Characters,
    /// Bytes: nothing is ever unknown, the longest sequences.
    Bytes,
    /// Words; ideographs one by one.
    Words,
    /// Byte pairs (BPE): nothing is ever unknown, and frequent words are one token.
    Bpe,
    /// Pieces of words, as BERT has them; ideographs one by one.
    WordPiece,
    /// The most probable pieces, as SentencePiece has them.
    Unigram,
}

impl TokenizerKind {
    /// Learns at most `size` tokens from texts in uniform spelling.
    fn train(self, texts: &[String], size: usize) -> Result<Tokenizer> {
        /// 256 bytes, and some pairs.
        const FEWEST_PAIRS: usize = 300;
        if size > MOST_TOKENS || (self == TokenizerKind::Bpe && size < FEWEST_PAIRS) {
            let problem = format!("text.vocabulary_size = {size} is out of range");
            return Err(DataError::request(
                problem,
                format!("Choose up to {MOST_TOKENS}, for bpe {FEWEST_PAIRS} or more"),
            ));
        }
        Ok(match self {
            TokenizerKind::Characters => Tokenizer::frequent_characters(texts, size),
            TokenizerKind::Bytes => Tokenizer::Bytes,
            TokenizerKind::Words => Tokenizer::frequent_words(texts, size),
            TokenizerKind::Bpe => Tokenizer::Subwords { file: subwords::train_bpe(texts, size)? },
            TokenizerKind::WordPiece => Tokenizer::Subwords { file: subwords::train_word_piece(texts, size)? },
            TokenizerKind::Unigram => Tokenizer::Subwords { file: subwords::train_unigram(texts, size)? },
        })
    }
}

/// How texts become numbers: what a recipe says, before training texts are seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextConfig {
    /// The spelling that is made uniform first.
    pub normalise: Normalise,
    /// How texts are cut.
    pub tokenizer: TokenizerKind,
    /// A file `tokenizer.json` of Hugging Face with a trained tokeniser, instead of `tokenizer` and `vocabulary_size`.
    /// Its own spelling rules follow those of `normalise`.
    pub tokenizer_file: Option<PathBuf>,
    /// The greatest number of different tokens that are known, the most frequent ones; not for bytes.
    pub vocabulary_size: usize,
    /// The number of tokens of every example; None for as many as 95 of 100 training texts have at most (at most 1024).
    pub max_length: Option<usize>,
    /// The side of a short text that is filled up.
    pub pad: Side,
    /// The side of a long text that is cut off.
    pub truncate: Side,
    /// What is changed at random in training.
    pub augment: TextAugment,
}

impl Default for TextConfig {
    /// The 20,000 most frequent words, filled up and cut off at the end.
    fn default() -> Self {
        TextConfig {
            normalise: Normalise::default(),
            tokenizer: TokenizerKind::Words,
            tokenizer_file: None,
            vocabulary_size: 20_000,
            max_length: None,
            pad: Side::End,
            truncate: Side::End,
            augment: TextAugment::default(),
        }
    }
}

/// From a text to the numbers of a network, fitted to training texts and kept in the model: `[max_length]` numbers from 0
/// to below [`vocabulary_size`](TextInput::vocabulary_size), of which [`PADDING`] and [`UNKNOWN`] stand for no token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInput {
    normalise: Normalise,
    tokenizer: Tokenizer,
    max_length: usize,
    pad: Side,
    truncate: Side,
    augment: TextAugment,
    #[serde(skip)]
    ready: Ready<Encoder>,
}

impl TextInput {
    /// Learns the vocabulary, and the length if it is not given, from the training texts.
    ///
    /// # Errors
    /// If there is no text with a token in it, or a setting is out of its range.
    pub fn fit(config: &TextConfig, training: &[impl AsRef<str>]) -> Result<Self> {
        config.augment.check()?;
        if config.vocabulary_size == 0 || config.max_length == Some(0) {
            let problem = "text.vocabulary_size or text.max_length is 0";
            return Err(DataError::request(problem, "Choose at least 1, or leave them out"));
        }
        let texts: Vec<String> = training.iter().map(|text| config.normalise.apply(text.as_ref())).collect();
        let tokenizer = match &config.tokenizer_file {
            Some(path) => Tokenizer::read(path)?,
            None => config.tokenizer.train(&texts, config.vocabulary_size)?,
        };
        let mut input = TextInput {
            normalise: config.normalise.clone(),
            tokenizer,
            max_length: config.max_length.unwrap_or(1),
            pad: config.pad,
            truncate: config.truncate,
            augment: config.augment.clone(),
            ready: Ready::default(),
        };
        let mut lengths = texts.iter().map(|text| input.cut(text).map(|ids| ids.len())).collect::<Result<Vec<_>>>()?;
        lengths.sort_unstable();
        if lengths.last().is_none_or(|&longest| longest == 0) {
            let problem = format!("there is nothing to read in the {} training texts", texts.len());
            return Err(DataError::request(problem, "Check the column of the texts and the kind of tokenizer"));
        }
        if config.max_length.is_none() {
            input.max_length = lengths[(lengths.len() - 1) * 95 / 100].clamp(1, LONGEST);
        }
        Ok(input)
    }

    /// The number of tokens of an example.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// How many different numbers there are: the size of an embedding.
    pub fn vocabulary_size(&self) -> usize {
        self.tokenizer.len() + RESERVED as usize
    }

    /// How texts are cut.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The numbers of `text`, as many as it has but at most `max_length`.
    ///
    /// # Errors
    /// If the tokeniser of the model is not sound.
    pub fn tokens(&self, text: &str) -> Result<Vec<i32>> {
        let mut ids = self.cut(&self.normalise.apply(text))?;
        self.truncate(&mut ids, self.max_length);
        Ok(ids)
    }

    /// Writes `text` to `out` and returns how many numbers of it are tokens; the others are padding. `out` has
    /// `max_length` places, or fewer for a batch of shorter texts. `rng` is for training: with it the text is changed
    /// at random as the configuration says.
    ///
    /// # Errors
    /// If the tokeniser of the model is not sound.
    pub fn encode(&self, text: &str, rng: Option<&mut Rng>, out: &mut [i32]) -> Result<usize> {
        let mut ids = self.cut(&self.normalise.apply(text))?;
        if let Some(rng) = rng {
            self.augment.apply(rng, &mut ids);
        }
        self.truncate(&mut ids, out.len());
        let (tokens, padding) = match self.pad {
            Side::End => out.split_at_mut(ids.len()),
            Side::Start => {
                let (padding, tokens) = out.split_at_mut(out.len() - ids.len());
                (tokens, padding)
            }
        };
        tokens.copy_from_slice(&ids);
        padding.fill(PADDING);
        Ok(ids.len())
    }

    /// All numbers of a text in uniform spelling.
    fn cut(&self, text: &str) -> Result<Vec<i32>> {
        let mut ids = Vec::new();
        let encoder = self.ready.get(|| Encoder::new(&self.tokenizer))?;
        encoder.each(text, &mut |_, token| ids.push(token.map_or(UNKNOWN, |token| token + RESERVED)))?;
        Ok(ids)
    }

    fn truncate(&self, ids: &mut Vec<i32>, length: usize) {
        match self.truncate {
            Side::End => ids.truncate(length),
            Side::Start => _ = ids.drain(..ids.len().saturating_sub(length)),
        }
    }
}
