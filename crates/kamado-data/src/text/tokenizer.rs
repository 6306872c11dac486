//! Ways to cut a text into tokens.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::encoder::Encoder;
use super::subwords::{self, Subwords};
use super::words::words;
use crate::error::{DataError, Result};

/// How a text is cut into tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Tokenizer {
    /// A token for each character (Unicode scalar value).
    Characters {
        /// The known characters, each once; a token is the place of its character.
        vocabulary: String,
    },
    /// A token for each byte of UTF-8: its value. No text is unknown.
    Bytes,
    /// A token for each of the [`words`].
    Words {
        /// The known words, each once; a token is the place of its word.
        vocabulary: Vec<String>,
    },
    /// A token for each part of a word that was learnt: byte pairs, pieces of words, or a unigram model.
    Subwords {
        /// The content of a file `tokenizer.json` of the crate `tokenizers`.
        file: Value,
    },
}

impl Tokenizer {
    /// A token for each character that occurs in `text`, in the order of their code points.
    pub fn characters_of(text: &str) -> Self {
        let mut known: Vec<char> = text.chars().collect::<std::collections::HashSet<_>>().into_iter().collect();
        known.sort_unstable();
        Tokenizer::Characters { vocabulary: known.into_iter().collect() }
    }

    /// A token for each of the `size` most frequent characters of `texts`, the most frequent first (equally frequent
    /// ones by code point).
    pub fn frequent_characters(texts: &[impl AsRef<str>], size: usize) -> Self {
        let characters = texts.iter().flat_map(|text| text.as_ref().chars());
        Tokenizer::Characters { vocabulary: most_frequent(characters, size).collect() }
    }

    /// A token for each of the `size` most frequent words of `texts`, the most frequent first (equally frequent ones in
    /// alphabetical order).
    pub fn frequent_words(texts: &[impl AsRef<str>], size: usize) -> Self {
        let words = texts.iter().flat_map(|text| words(text.as_ref()));
        Tokenizer::Words { vocabulary: most_frequent(words, size).map(str::to_owned).collect() }
    }

    /// Parts of words as a file `tokenizer.json` of the crate `tokenizers` has them. Its own spelling rules hold; its
    /// padding and truncation do not.
    ///
    /// # Errors
    /// If it cannot be read or is no such file.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Tokenizer::Subwords { file: subwords::read(path)? })
    }

    /// How many tokens there are: all tokens are below.
    pub fn len(&self) -> usize {
        match self {
            Tokenizer::Characters { vocabulary } => vocabulary.chars().count(),
            Tokenizer::Bytes => 256,
            Tokenizer::Words { vocabulary } => vocabulary.len(),
            Tokenizer::Subwords { file } => subwords::len(file),
        }
    }

    /// Whether it knows no token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What each token stands for, in order; a byte that is no character by itself, as its hexadecimal code.
    pub fn names(&self) -> Vec<String> {
        match self {
            Tokenizer::Characters { vocabulary } => vocabulary.chars().map(String::from).collect(),
            Tokenizer::Bytes => (0..=u8::MAX).map(byte_name).collect(),
            Tokenizer::Words { vocabulary } => vocabulary.clone(),
            Tokenizer::Subwords { file } => subwords::names(file),
        }
    }

    /// The tokens of `text`.
    ///
    /// # Errors
    /// If a character or word is not known, saying which and where.
    pub fn encode(&self, text: &str) -> Result<Vec<i32>> {
        let (mut tokens, mut unknown) = (Vec::new(), None);
        Encoder::new(self)?.each(text, &mut |piece, token| match token {
            Some(token) => tokens.push(token),
            None => _ = unknown.get_or_insert_with(|| (tokens.len(), piece.to_owned())),
        })?;
        match unknown {
            Some((place, piece)) => Err(self.unknown(place, &piece)),
            None => Ok(tokens),
        }
    }

    fn unknown(&self, place: usize, piece: &str) -> DataError {
        let problem = match (self, piece.chars().next()) {
            (Tokenizer::Characters { .. }, Some(c)) => {
                format!("the character {c:?} at place {place} of the text is not one that the model knows")
            }
            _ => format!("{piece:?}, token {place} of the text, is not one that the model knows"),
        };
        let names = self.names().into_iter().filter(|name| !name.chars().any(char::is_control));
        let (known, between) = match self {
            Tokenizer::Characters { .. } => (names.take(100).collect::<Vec<_>>(), ""),
            _ => (names.take(20).collect(), " "),
        };
        DataError::request(problem, format!("Use these only: {}", known.join(between)))
    }

    /// The text of these tokens; a token that does not exist, or bytes that are no character, become the replacement
    /// character. Words are parted by spaces.
    pub fn decode(&self, tokens: &[i32]) -> String {
        fn pick<T: Clone>(known: &[T], token: i32) -> Option<T> {
            usize::try_from(token).ok().and_then(|i| known.get(i).cloned())
        }
        match self {
            Tokenizer::Characters { vocabulary } => {
                let known: Vec<char> = vocabulary.chars().collect();
                tokens.iter().map(|&token| pick(&known, token).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            Tokenizer::Bytes => {
                // 0xFF is never a byte of UTF-8.
                let bytes: Vec<u8> = tokens.iter().map(|&token| u8::try_from(token).unwrap_or(0xFF)).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Tokenizer::Words { vocabulary } => {
                let word = |&token: &i32| pick(vocabulary, token).unwrap_or_else(|| "\u{fffd}".to_owned());
                tokens.iter().map(word).collect::<Vec<_>>().join(" ")
            }
            Tokenizer::Subwords { file } => match Subwords::new(file, "the tokenizer of the model") {
                Ok(subwords) => subwords.decode(tokens),
                Err(_) => "\u{fffd}".repeat(tokens.len()),
            },
        }
    }
}

fn byte_name(byte: u8) -> String {
    match byte.is_ascii_graphic() || byte == b' ' {
        true => char::from(byte).to_string(),
        false => format!("<{byte:02x}>"),
    }
}

/// The `size` most frequent items, the most frequent first, equally frequent ones in their own order.
fn most_frequent<T: Ord + std::hash::Hash + Clone>(
    items: impl Iterator<Item = T>,
    size: usize,
) -> impl Iterator<Item = T> {
    let mut counts: HashMap<T, usize> = HashMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    counts.sort_unstable_by(|(a, times), (b, other)| other.cmp(times).then_with(|| a.cmp(b)));
    counts.into_iter().take(size).map(|(item, _)| item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_there_and_back() {
        let tokenizer = Tokenizer::characters_of("hello, wörld\n");
        assert_eq!(tokenizer.names().concat(), "\n ,dehlorwö");
        let tokens = tokenizer.encode("holö").unwrap();
        assert_eq!(tokens, [5, 7, 6, 10]);
        assert_eq!(tokenizer.decode(&tokens), "holö");
        assert_eq!(tokenizer.decode(&[99, -1]), "\u{fffd}\u{fffd}");
        let error = tokenizer.encode("hexe").unwrap_err().to_string();
        assert!(error.contains("'x' at place 2"), "{error}");
    }
}
