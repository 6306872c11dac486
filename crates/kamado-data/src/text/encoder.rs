//! A tokeniser made ready: its vocabulary where it can be looked up.

use std::collections::HashMap;

use super::subwords::Subwords;
use super::tokenizer::Tokenizer;
use super::words::words;
use crate::error::Result;

/// What cuts texts into tokens.
#[derive(Debug)]
pub(super) enum Encoder {
    Characters(HashMap<char, i32>),
    Bytes,
    Words(HashMap<String, i32>),
    Subwords(Box<Subwords>),
}

impl Encoder {
    pub(super) fn new(tokenizer: &Tokenizer) -> Result<Self> {
        Ok(match tokenizer {
            Tokenizer::Characters { vocabulary } => Encoder::Characters(vocabulary.chars().zip(0..).collect()),
            Tokenizer::Bytes => Encoder::Bytes,
            Tokenizer::Words { vocabulary } => Encoder::Words(vocabulary.iter().cloned().zip(0..).collect()),
            Tokenizer::Subwords { file } => {
                Encoder::Subwords(Box::new(Subwords::new(file, "the tokenizer of the model")?))
            }
        })
    }

    /// Gives each token of `text` in order: what it stands for, and its number if it is known.
    pub(super) fn each(&self, text: &str, give: &mut dyn FnMut(&str, Option<i32>)) -> Result<()> {
        match self {
            Encoder::Characters(known) => {
                let mut bytes = [0; 4];
                text.chars().for_each(|c| give(c.encode_utf8(&mut bytes), known.get(&c).copied()));
            }
            Encoder::Bytes => text.bytes().for_each(|byte| give("", Some(i32::from(byte)))),
            Encoder::Words(known) => words(text).for_each(|word| give(word, known.get(word).copied())),
            Encoder::Subwords(subwords) => subwords.each(text, give)?,
        }
        Ok(())
    }
}
