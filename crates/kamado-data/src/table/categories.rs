//! From names to codes, and from codes to numbers.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};

/// How categories become numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encode {
    /// One number for each code, 1 for the category and 0 for the others.
    OneHot,
    /// One number: 0, 1, 2 … in the order of the categories, then the missing; -1 for an unseen category.
    /// As scikit-learn's `OrdinalEncoder`.
    Ordinal,
    /// This many numbers, of which the hash of the name chooses one, which becomes 1 or -1; nothing is fitted.
    /// As scikit-learn's `FeatureHasher` of one string.
    Hashing(usize),
    /// The code itself, for an embedding layer; goes to the indices of a table.
    Embedding,
    /// The mean of the label for this category, drawn towards the mean over all rows; for more than two classes one
    /// number for each class. Training rows get it from the other folds only. As scikit-learn's `TargetEncoder`.
    Target,
}

/// The code of an unseen category.
pub(super) const UNSEEN: u32 = 0;

/// The categories of a column, and their codes: 0 for one that is not here, then 1, 2 … in order, then the missing value
/// if the training rows had any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    names: Vec<String>,
    missing: bool,
}

impl Vocabulary {
    /// The distinct values, sorted by bytes, without those that occur fewer than `min_count` times.
    pub fn fit<'a>(values: impl Iterator<Item = Option<&'a str>>, min_count: usize) -> Self {
        let mut counts: HashMap<Option<&str>, usize> = HashMap::new();
        values.for_each(|value| *counts.entry(value).or_default() += 1);
        let missing = counts.remove(&None).is_some_and(|count| count >= min_count);
        let names: BTreeMap<&str, usize> = counts.into_iter().filter_map(|(name, n)| Some((name?, n))).collect();
        let names = names.into_iter().filter(|&(_, count)| count >= min_count).map(|(name, _)| name.to_owned());
        Vocabulary { names: names.collect(), missing }
    }

    /// These categories in this order; `missing` if a missing value is one more.
    ///
    /// # Errors
    /// If a name is there twice.
    pub fn of(names: Vec<String>, missing: bool) -> Result<Self> {
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                Err(DataError::request(format!("the category {:?} is listed twice", pair[0]), "List each one once"))
            }
            None => Ok(Vocabulary { names, missing }),
        }
    }

    /// The names, in the order of their codes from 1.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of codes, with that of the unseen and that of the missing if it has one.
    pub fn codes(&self) -> usize {
        1 + self.names.len() + usize::from(self.missing)
    }

    /// The code of the missing value.
    pub(super) fn missing_code(&self) -> u32 {
        if self.missing { self.names.len() as u32 + 1 } else { UNSEEN }
    }

    /// What code `code` stands for, for people.
    pub(super) fn title(&self, code: usize) -> &str {
        match code.checked_sub(1) {
            None => "(other)",
            Some(i) => self.names.get(i).map_or("(missing)", String::as_str),
        }
    }

    /// The code of each name.
    pub(super) fn lookup(&self) -> HashMap<&str, u32> {
        self.names.iter().zip(1..).map(|(name, code)| (name.as_str(), code)).collect()
    }
}

/// Place and sign of `name` among `buckets` numbers.
pub(super) fn hashed(name: &str, buckets: usize) -> (usize, f32) {
    let hash = murmur3(name.as_bytes()) as i32;
    let place = hash.unsigned_abs() as usize % buckets.max(1);
    (place, if hash < 0 { -1.0 } else { 1.0 })
}

/// MurmurHash3, 32 bits, seed 0.
///
/// Source: Appleby, `MurmurHash3_x86_32` of SMHasher, public domain.
fn murmur3(bytes: &[u8]) -> u32 {
    let scramble = |word: u32| word.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593);
    let words = bytes.chunks_exact(4);
    let tail = words.remainder().iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
    let mut hash = words.fold(0u32, |hash, word| {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        (hash ^ scramble(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64)
    });
    hash ^= scramble(tail) ^ bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ hash >> 13).wrapping_mul(0xC2B2_AE35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur3_matches_published_values() {
        // Verified with SMHasher's reference code.
        assert_eq!(murmur3(b""), 0);
        assert_eq!(murmur3(b"test"), 0xBA6B_D213);
        assert_eq!(murmur3(b"Hello, world!"), 0xC036_3E43);
    }

    #[test]
    fn rare_and_missing_categories() {
        let values = [Some("b"), Some("a"), None, Some("b"), None];
        let all = Vocabulary::fit(values.into_iter(), 1);
        assert_eq!((all.names(), all.codes(), all.missing_code()), (&["a".to_owned(), "b".to_owned()][..], 4, 3));
        let common = Vocabulary::fit(values.into_iter(), 2);
        assert_eq!((common.names(), common.codes()), (&["b".to_owned()][..], 3));
        assert_eq!((common.title(0), common.title(1), common.title(2)), ("(other)", "b", "(missing)"));
        assert!(Vocabulary::of(vec!["x".into(), "y".into(), "x".into()], false).is_err());
    }
}
