//! A lower bound on `epsilon` from one training run with canaries.
//!
//! Each of m canaries is trained on with probability ½; afterwards the auditor guesses of some of them whether they were.
//! Under a promise of `(epsilon, delta)` the number of correct guesses is hardly larger than that of as many throws of a coin
//! that falls right with probability `e^epsilon / (1 + e^epsilon)`.
//!
//! Source: T. Steinke, M. Nasr, M. Jagielski, "Privacy auditing with one (1) training run", NeurIPS 2023, theorem 5.2.

use serde::Serialize;

use super::{at_least, binomial, last_where};

/// What guesses about canaries say.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct CanaryBound {
    /// The canaries.
    pub canaries: u64,
    /// The guesses about them.
    pub guesses: u64,
    /// Those that were right.
    pub correct: u64,
    /// The true `epsilon` is larger than this with a probability of 95 %.
    pub epsilon_lower: f64,
}

/// How likely so many correct guesses are at most, if the promise holds.
fn likelihood(canaries: u64, guesses: u64, correct: u64, epsilon: f64, delta: f64) -> f64 {
    let p = 1.0 / (1.0 + (-epsilon).exp());
    let (mut sum, mut most) = (0.0, 0.0f64);
    for i in 1..=correct {
        sum += binomial(guesses, correct - i, p);
        most = most.max(sum / i as f64);
    }
    (at_least(guesses, correct, p) + 2.0 * canaries as f64 * delta * most).min(1.0)
}

/// The bound from scores of canaries, larger for those that look trained on, and from who was.
///
/// The auditor guesses of an eighth of the canaries at each end and leaves out the others; how many is fixed beforehand, since
/// choosing the best number afterwards would make the bound wrong.
pub fn canary_bound(scores: &[f64], included: &[bool], delta: f64) -> CanaryBound {
    let mut order: Vec<usize> = (0..scores.len().min(included.len())).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let each = order.len().div_ceil(8).min(order.len() / 2);
    let out = order[..each].iter().filter(|&&i| !included[i]).count();
    let inside = order[order.len() - each..].iter().filter(|&&i| included[i]).count();
    let (canaries, guesses, correct) = (order.len() as u64, 2 * each as u64, (out + inside) as u64);
    let possible = |epsilon: f64| likelihood(canaries, guesses, correct, epsilon, delta) < 0.05;
    let epsilon_lower = if guesses > 0 && possible(0.0) { last_where(0.0, 50.0, possible) } else { 0.0 };
    CanaryBound { canaries, guesses, correct, epsilon_lower }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` canaries, every second trained on, whose scores tell this with a probability of `p`.
    fn bound(n: usize, right: impl Fn(usize) -> bool) -> CanaryBound {
        let included: Vec<bool> = (0..n).map(|i| i % 2 == 0).collect();
        let scores: Vec<f64> = (0..n).map(|i| if included[i] == right(i) { 1.0 } else { 0.0 }).collect();
        canary_bound(&scores, &included, 1e-5)
    }

    #[test]
    fn perfect_guesses_bound_by_their_number_alone() {
        let perfect = bound(800, |_| true);
        assert_eq!((perfect.guesses, perfect.correct), (200, 200));
        // Without delta: the p at which p^200 = 0.05.
        let p = 0.05f64.powf(1.0 / 200.0);
        let exact = (p / (1.0 - p)).ln();
        assert!(perfect.epsilon_lower < exact && perfect.epsilon_lower > exact - 1.0, "{perfect:?} {exact}");
        assert!(bound(16, |_| true).epsilon_lower < bound(800, |_| true).epsilon_lower);
    }

    #[test]
    fn chance_bounds_nothing() {
        let chance = bound(800, |i| i % 4 < 2);
        assert_eq!(chance.epsilon_lower, 0.0, "{chance:?}");
        assert_eq!(canary_bound(&[], &[], 1e-5).epsilon_lower, 0.0);
    }

    #[test]
    fn the_bound_is_that_of_the_paper() {
        // The function `get_eps_audit` of the paper's appendix with m = r = 100, v = 75, delta = 1e-5, p = 0.05.
        let possible = |epsilon: f64| likelihood(100, 100, 75, epsilon, 1e-5) < 0.05;
        let epsilon = last_where(0.0, 10.0, possible);
        assert!((epsilon - REFERENCE).abs() < 1e-6, "{epsilon}");
    }

    const REFERENCE: f64 = 0.701_940_799_999_619_1;
}
