//! The choice of one token from a distribution.

use kamado_graph::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// How a token is drawn from the model's distribution. The default draws from it as it is.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Divides the logits: below 1 the likely tokens become likelier, above 1 the unlikely ones do; 0 always takes the
    /// likeliest.
    pub temperature: f64,
    /// Only this many of the likeliest tokens can be drawn (Fan et al. 2018).
    pub top_k: Option<usize>,
    /// Only the likeliest tokens whose probabilities together reach this can be drawn (Holtzman et al. 2020, nucleus
    /// sampling).
    pub top_p: Option<f64>,
    /// The seed of all draws.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { temperature: 1.0, top_k: None, top_p: None, seed: 0 }
    }
}

impl Sampling {
    /// Refuses what is out of range.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        let wrong = |what: &str, value: String, expected: &str| {
            Err(TrainError::request(format!("{what} cannot be {value}"), format!("Give {expected}")))
        };
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return wrong("temperature", self.temperature.to_string(), "0 or more, such as 0.8");
        }
        if self.top_k == Some(0) {
            return wrong("top_k", "0".to_owned(), "1 or more");
        }
        match self.top_p {
            Some(p) if !(p > 0.0 && p <= 1.0) => wrong("top_p", p.to_string(), "more than 0 and at most 1"),
            _ => Ok(()),
        }
    }

    /// Draws a token, given the logarithms of the tokens' probabilities.
    pub(super) fn draw(&self, log_probabilities: &[f32], rng: &mut Rng) -> usize {
        let mut ranked: Vec<usize> = (0..log_probabilities.len()).collect();
        ranked.sort_by(|&a, &b| log_probabilities[b].total_cmp(&log_probabilities[a]).then(a.cmp(&b)));
        if self.temperature == 0.0 {
            return ranked.first().copied().unwrap_or(0);
        }
        ranked.truncate(self.top_k.unwrap_or(usize::MAX));
        let best = ranked.first().map_or(0.0, |&i| f64::from(log_probabilities[i]));
        let weight = |&i: &usize| ((f64::from(log_probabilities[i]) - best) / self.temperature).exp();
        let mut weights: Vec<f64> = ranked.iter().map(weight).collect();
        if let Some(p) = self.top_p {
            let total: f64 = weights.iter().sum();
            let mut reached = 0.0;
            let needed = weights.iter().position(|w| {
                reached += w / total;
                reached >= p
            });
            weights.truncate(needed.map_or(weights.len(), |last| last + 1));
        }
        let mut left = rng.uniform() * weights.iter().sum::<f64>();
        let drawn = weights.iter().position(|w| {
            left -= w;
            left < 0.0
        });
        ranked[drawn.unwrap_or(weights.len().saturating_sub(1))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of each token in many draws.
    fn shares(sampling: &Sampling, p: &[f64]) -> Vec<f64> {
        let log: Vec<f32> = p.iter().map(|p| p.ln() as f32).collect();
        let mut rng = Rng::new(3, 0);
        let mut counts = vec![0.0; p.len()];
        (0..20_000).for_each(|_| counts[sampling.draw(&log, &mut rng)] += 1.0 / 20_000.0);
        counts
    }

    fn close(got: &[f64], expected: &[f64]) {
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.015), "{got:?} instead of {expected:?}");
    }

    #[test]
    fn draws_follow_the_distribution_and_its_cuts() {
        let p = [0.1, 0.5, 0.15, 0.25];
        let plain = Sampling::default();
        close(&shares(&plain, &p), &p);
        // Squared and normalised.
        let sum: f64 = p.iter().map(|p| p * p).sum();
        close(&shares(&Sampling { temperature: 0.5, ..plain }, &p), &p.map(|p| p * p / sum));
        close(&shares(&Sampling { top_k: Some(2), ..plain }, &p), &[0.0, 2.0 / 3.0, 0.0, 1.0 / 3.0]);
        close(&shares(&Sampling { top_p: Some(0.7), ..plain }, &p), &[0.0, 2.0 / 3.0, 0.0, 1.0 / 3.0]);
        close(&shares(&Sampling { top_p: Some(0.76), ..plain }, &p), &[0.0, 0.5 / 0.9, 0.15 / 0.9, 0.25 / 0.9]);
        close(&shares(&Sampling { temperature: 0.0, ..plain }, &p), &[0.0, 1.0, 0.0, 0.0]);
        close(&shares(&Sampling { top_p: Some(1e-9), ..plain }, &p), &[0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn what_is_out_of_range_is_told() {
        let error = |s: Sampling| s.check().unwrap_err().to_string();
        let plain = Sampling::default();
        assert!(error(Sampling { temperature: -1.0, ..plain }).contains("temperature cannot be -1"));
        assert!(error(Sampling { top_k: Some(0), ..plain }).contains("top_k cannot be 0"));
        assert!(error(Sampling { top_p: Some(1.5), ..plain }).contains("top_p cannot be 1.5"));
        assert!(plain.check().is_ok());
    }
}
