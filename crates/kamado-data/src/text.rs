//! From text to tokens and back.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

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
}

impl Tokenizer {
    /// A token for each character that occurs in `text`, in the order of their code points.
    pub fn characters_of(text: &str) -> Self {
        let mut known: Vec<char> = text.chars().collect::<std::collections::HashSet<_>>().into_iter().collect();
        known.sort_unstable();
        Tokenizer::Characters { vocabulary: known.into_iter().collect() }
    }

    /// What each token stands for, in order.
    pub fn names(&self) -> Vec<String> {
        match self {
            Tokenizer::Characters { vocabulary } => vocabulary.chars().map(String::from).collect(),
        }
    }

    /// The tokens of `text`.
    ///
    /// # Errors
    /// If a character is not known, saying which and where.
    pub fn encode(&self, text: &str) -> Result<Vec<i32>> {
        let Tokenizer::Characters { vocabulary } = self;
        let places: HashMap<char, i32> = vocabulary.chars().zip(0..).collect();
        let token = |(place, c): (usize, char)| {
            places.get(&c).copied().ok_or_else(|| {
                let known: String = vocabulary.chars().filter(|c| !c.is_control()).take(100).collect();
                DataError::request(
                    format!("the character {c:?} at place {place} of the text is not one that the model knows"),
                    format!("Use these characters only: {known}"),
                )
            })
        };
        text.chars().enumerate().map(token).collect()
    }

    /// The text of these tokens; a token that does not exist becomes the replacement character.
    pub fn decode(&self, tokens: &[i32]) -> String {
        let Tokenizer::Characters { vocabulary } = self;
        let known: Vec<char> = vocabulary.chars().collect();
        let character = |&token: &i32| usize::try_from(token).ok().and_then(|i| known.get(i).copied());
        tokens.iter().map(|token| character(token).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }
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
