//! Beam search: the likeliest continuation that a search of limited width finds.

use super::Decoder;
use crate::error::TrainError;

/// A continuation under consideration.
#[derive(Clone, PartialEq, Debug)]
struct Hypothesis {
    tokens: Vec<i32>,
    /// The logarithm of its probability.
    log_probability: f64,
}

impl Hypothesis {
    /// What hypotheses of different lengths are compared by: the logarithm of the probability over `length ^ penalty`.
    fn score(&self, penalty: f64) -> f64 {
        self.log_probability / (self.tokens.len().max(1) as f64).powf(penalty)
    }
}

/// Extends `decoder`, which has taken in the prompt, by up to `longest` tokens, or to a token of `stop`. At each length
/// the `width` likeliest continuations are kept; the result is the one with the best score.
pub(super) fn search(
    decoder: &mut dyn Decoder,
    width: usize,
    penalty: f64,
    longest: usize,
    stop: &[i32],
) -> Result<Vec<i32>, TrainError> {
    let mut finished: Vec<Hypothesis> = Vec::new();
    let mut beams = vec![Hypothesis { tokens: Vec::new(), log_probability: 0.0 }];
    for _ in 0..longest {
        let mut extended = Vec::new();
        for (beam, hypothesis) in beams.iter().enumerate() {
            let row = decoder.log_probabilities(beam);
            let mut ranked: Vec<usize> = (0..row.len()).collect();
            ranked.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
            ranked.truncate(width);
            extended.extend(ranked.iter().map(|&i| (hypothesis.log_probability + f64::from(row[i]), beam, i as i32)));
        }
        extended.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        extended.truncate(width);
        let (mut next, mut parents) = (Vec::new(), Vec::new());
        for (log_probability, beam, token) in extended {
            let mut tokens = beams[beam].tokens.clone();
            tokens.push(token);
            let hypothesis = Hypothesis { tokens, log_probability };
            if stop.contains(&token) {
                finished.push(hypothesis);
            } else {
                next.push(hypothesis);
                parents.push(beam);
            }
        }
        beams = next;
        // No continuation can overtake: probabilities only fall.
        let best = finished.iter().map(|h| h.score(penalty)).fold(f64::NEG_INFINITY, f64::max);
        let overtaken = |h: &Hypothesis| h.log_probability / (longest as f64).powf(penalty) <= best;
        if beams.is_empty() || (!finished.is_empty() && beams.iter().all(overtaken)) {
            break;
        }
        let tokens: Vec<i32> = beams.iter().filter_map(|h| h.tokens.last().copied()).collect();
        decoder.advance(&parents, &tokens)?;
    }
    finished.extend(beams);
    let best = finished.into_iter().max_by(|a, b| a.score(penalty).total_cmp(&b.score(penalty)));
    Ok(best.map_or_else(Vec::new, |h| h.tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A language of three tokens in which each token depends on the one before it.
    struct Chain {
        last: Vec<usize>,
        table: [[f32; 3]; 3],
    }

    impl Decoder for Chain {
        fn log_probabilities(&self, beam: usize) -> &[f32] {
            &self.table[self.last[beam]]
        }

        fn advance(&mut self, _: &[usize], tokens: &[i32]) -> Result<(), TrainError> {
            self.last = tokens.iter().map(|&t| t as usize).collect();
            Ok(())
        }
    }

    #[test]
    fn a_wide_beam_finds_what_a_greedy_choice_misses() {
        // After 0 the best next token is 1, but all that follows 1 is unlikely; 2 is followed by 2 for sure.
        let p: [[f32; 3]; 3] = [[0.1, 0.5, 0.4], [0.34, 0.33, 0.33], [0.005, 0.005, 0.99]];
        let chain = || Chain { last: vec![0], table: p.map(|row| row.map(f32::ln)) };
        assert_eq!(search(&mut chain(), 1, 0.0, 3, &[]).unwrap(), [1, 0, 1]);
        assert_eq!(search(&mut chain(), 3, 0.0, 3, &[]).unwrap(), [2, 2, 2]);
        assert_eq!(search(&mut chain(), 3, 0.0, 3, &[1]).unwrap(), [1], "the shortest is the likeliest");
        assert_eq!(search(&mut chain(), 3, 1.0, 3, &[1]).unwrap(), [2, 2, 2], "per token, it is not");
    }
}
