//! What stands for a value that is not there.

/// What is taken as missing unless the options say otherwise.
const USUAL: [&str; 11] = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", "-"];

#[derive(Clone, Debug)]
pub(super) struct Missing {
    words: Vec<Vec<u8>>,
    longest: usize,
}

impl Missing {
    pub(super) fn new(words: Option<&[String]>) -> Self {
        let words: Vec<Vec<u8>> = match words {
            Some(words) => words.iter().map(|word| word.clone().into_bytes()).collect(),
            None => USUAL.iter().map(|word| word.as_bytes().to_vec()).collect(),
        };
        let longest = words.iter().map(Vec::len).max().unwrap_or_default();
        Missing { words, longest }
    }

    pub(super) fn is(&self, value: &[u8]) -> bool {
        value.len() <= self.longest && self.words.iter().any(|word| word == value)
    }
}
