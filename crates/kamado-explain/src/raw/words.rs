//! Words of a text: each is one part, whatever tokens it is cut into.

use kamado_data::Column;

use super::{Feature, Parts};
use crate::error::Result;
use crate::sample::Values;

/// The most words that are told apart; what follows belongs to the last.
const MOST_WORDS: usize = 4096;

impl Parts<'_> {
    /// The part of each token of an input; a part for each word of the text is added.
    ///
    /// How many tokens a word has is found by encoding it alone. If the tokens of all words do not make up those of the
    /// text, because a tokeniser looks across spaces, the beginnings that agree are used.
    pub(super) fn words(
        &self,
        number: usize,
        input: &str,
        columns: Vec<&str>,
        tokens: &[i32],
        features: &mut Vec<Feature>,
    ) -> Result<Vec<Option<usize>>> {
        let column = columns.iter().find(|column| **column == input).or(columns.first());
        let Some(column) = column else { return Ok(vec![None; tokens.len()]) };
        let texts = self.frame.column(column)?.texts()?;
        let text = texts.iter().nth(self.row).flatten().unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().take(MOST_WORDS).collect();
        if words.is_empty() {
            return Ok(vec![None; tokens.len()]);
        }
        let rows = self.frame.take(&vec![self.row; words.len()])?;
        let rows = rows.with_column(Column::of_texts(*column, words.iter().map(|word| Some(*word))))?;
        let mut all: Vec<(i32, usize)> = Vec::new();
        let first = features.len();
        for (i, sample) in self.reader.samples(&rows)?.into_iter().enumerate() {
            if let Some(Values::I32(tokens)) = sample.0.get(number) {
                all.extend(tokens.iter().filter(|&&token| token != 0).map(|&token| (token, first + i)));
            }
        }
        features.extend(words.iter().map(|word| Feature { name: (*word).to_owned(), value: String::new() }));
        Ok(aligned(tokens, &all, first + words.len() - 1))
    }
}

/// The part of each token; padding has none. `all` holds the tokens of the whole text with their parts: it may be cut
/// off at either side.
fn aligned(tokens: &[i32], all: &[(i32, usize)], last: usize) -> Vec<Option<usize>> {
    let real = tokens.iter().filter(|&&token| token != 0).count();
    let kept: Vec<i32> = tokens.iter().copied().filter(|&token| token != 0).collect();
    let agrees = |from: usize| kept.iter().zip(&all[from..]).all(|(token, (other, _))| token == other);
    let from_end = all.len().saturating_sub(real);
    let start = if !agrees(0) && agrees(from_end) { from_end } else { 0 };
    let mut next = start;
    let of = |&token: &i32| {
        (token != 0).then(|| {
            next += 1;
            all.get(next - 1).map_or(last, |(_, part)| *part)
        })
    };
    tokens.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_find_their_words() {
        let all = [(5, 0), (6, 0), (7, 1), (8, 2)];
        let some = |parts: &[usize]| parts.iter().map(|&part| Some(part)).collect::<Vec<_>>();
        assert_eq!(aligned(&[5, 6, 7, 8, 0], &all, 2), [some(&[0, 0, 1, 2]), vec![None]].concat());
        assert_eq!(aligned(&[0, 0, 5, 6, 7, 8], &all, 2), [vec![None, None], some(&[0, 0, 1, 2])].concat());
        assert_eq!(aligned(&[5, 6], &all, 2), some(&[0, 0]));
        assert_eq!(aligned(&[7, 8], &all, 2), some(&[1, 2]), "the beginning was cut off");
    }
}
