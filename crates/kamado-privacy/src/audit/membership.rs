//! Membership inference: how well a score tells examples that were trained on from others.

use serde::Serialize;

use super::confidence;

/// What a test for membership achieves.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Membership {
    /// The examples that were trained on.
    pub members: usize,
    /// The others.
    pub others: usize,
    /// The probability that a member has a larger score than another example; ½ by chance.
    pub auc: f64,
    /// The share of members that are found.
    pub true_positive_rates: Vec<Rate>,
}

/// The share of members that are found while so few others are taken for members.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Rate {
    /// The share of others that may be taken for members.
    pub false_positive_rate: f64,
    /// The share of members that are found.
    pub true_positive_rate: f64,
    /// It lies between these with 95 %.
    pub interval: [f64; 2],
}

impl Membership {
    /// From scores that are larger for examples that look trained on; what is not a number looks like nothing.
    pub fn of(members: &[f64], others: &[f64]) -> Self {
        let clean = |scores: &[f64]| {
            let mut scores: Vec<f64> = scores.iter().map(|s| if s.is_nan() { f64::NEG_INFINITY } else { *s }).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores
        };
        let (members, others) = (clean(members), clean(others));
        let true_positive_rates = [0.001, 0.01].map(|allowed| rate(&members, &others, allowed)).to_vec();
        Membership { members: members.len(), others: others.len(), auc: auc(&members, &others), true_positive_rates }
    }
}

/// Scores descend.
fn rate(members: &[f64], others: &[f64], allowed: f64) -> Rate {
    let taken = (allowed * others.len() as f64) as usize;
    // The largest score that is not enough.
    let threshold = others.get(taken).copied().unwrap_or(f64::NEG_INFINITY);
    let found = members.partition_point(|&score| score > threshold);
    let true_positive_rate = found as f64 / members.len().max(1) as f64;
    let interval = confidence(members.len() as u64, found as u64);
    Rate { false_positive_rate: allowed, true_positive_rate, interval }
}

fn auc(members: &[f64], others: &[f64]) -> f64 {
    let wins = members.iter().map(|&score| {
        let above = others.partition_point(|&other| other > score);
        let equal = others.partition_point(|&other| other >= score) - above;
        (others.len() - above - equal) as f64 + 0.5 * equal as f64
    });
    wins.sum::<f64>() / (members.len() * others.len()).max(1) as f64
}

/// Scores by likelihood ratio, from the logits of confidence of models that were trained on other data: `observed` of the
/// audited model, and for each example those of the shadow models that did not see it.
///
/// A score is the probability, under a normal distribution of the shadows, of a confidence below the observed one: the
/// offline attack of N. Carlini et al., "Membership inference attacks from first principles", S&P 2022.
pub fn lira_scores(observed: &[f64], shadows: &[Vec<f64>]) -> Vec<f64> {
    let score = |(&logit, shadow): (&f64, &Vec<f64>)| {
        let n = shadow.len().max(1) as f64;
        let mean = shadow.iter().sum::<f64>() / n;
        let variance = shadow.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        (logit - mean) / (variance + 1e-6).sqrt()
    };
    observed.iter().zip(shadows).map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_area_by_hand() {
        let others: Vec<f64> = (0..1000).map(f64::from).collect();
        let members: Vec<f64> = (0..1000).map(|i| f64::from(i) + 5.5).collect();
        let test = Membership::of(&members, &others);
        // One other may be taken, so scores above 998 are found: 999.5 to 1004.5 and 998.5.
        assert_eq!(test.true_positive_rates[0].true_positive_rate, 0.007);
        assert_eq!(test.true_positive_rates[1].true_positive_rate, 0.016);
        // Member i is above min(i + 6, 1000) of the others: 500485 + 5 * 1000 pairs of a million.
        assert!((test.auc - 0.505_485).abs() < 1e-9, "{}", test.auc);
        let [low, high] = test.true_positive_rates[0].interval;
        assert!(low < 0.007 && high > 0.007 && high < 0.015);
        let same = Membership::of(&others, &others);
        assert!((same.auc - 0.5).abs() < 1e-12);
        assert_eq!(Membership::of(&[f64::NAN], &[0.0]).auc, 0.0);
    }

    #[test]
    fn shadows_tell_hard_examples_from_members() {
        // A hard example that was learnt stands out; an easy one that was not does not.
        let scores = lira_scores(&[0.0, 5.0], &[vec![-3.0, -2.5, -3.5], vec![5.0, 5.2, 4.9]]);
        assert!(scores[0] > 3.0 && scores[1] < 1.0, "{scores:?}");
    }
}
