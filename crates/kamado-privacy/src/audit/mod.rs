//! Audits: what an attacker learns, as a lower bound on `epsilon` and as rates of a membership test.

mod canaries;
mod membership;

pub use canaries::{CanaryBound, canary_bound};
pub use membership::{Membership, lira_scores};

/// `ln n!`
fn ln_factorial(n: u64) -> f64 {
    libm::lgamma(n as f64 + 1.0)
}

/// The probability of `k` successes in `n` trials of probability `p`.
fn binomial(n: u64, k: u64, p: f64) -> f64 {
    if k > n {
        return 0.0;
    }
    let term = |count: u64, p: f64| if count == 0 { 0.0 } else { count as f64 * p.ln() };
    let choose = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    (choose + term(k, p) + term(n - k, 1.0 - p)).exp()
}

/// The probability of `k` successes or more.
fn at_least(n: u64, k: u64, p: f64) -> f64 {
    (k..=n).map(|i| binomial(n, i, p)).sum::<f64>().min(1.0)
}

/// Where `holds`, which does so up to some number between the bounds, ends to hold.
fn last_where(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

/// An interval that holds the probability of a success with 95 %, from `k` in `n` trials.
///
/// Source: C. Clopper, E. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934.
pub fn confidence(n: u64, k: u64) -> [f64; 2] {
    let low = if k == 0 { 0.0 } else { last_where(0.0, 1.0, |p| at_least(n, k, p) < 0.025) };
    let high = if k >= n { 1.0 } else { last_where(0.0, 1.0, |p| 1.0 - at_least(n, k + 1, p) > 0.025) };
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_clopper_and_pearson() {
        // scipy.stats.beta.ppf(0.025, 10, 91) and .ppf(0.975, 11, 90)
        let [low, high] = confidence(100, 10);
        assert!((low - 0.049_004_689).abs() < 1e-7 && (high - 0.176_222_598).abs() < 1e-7, "{low} {high}");
        assert_eq!(confidence(20, 0)[0], 0.0);
        assert!((confidence(20, 0)[1] - 0.168_433_470).abs() < 1e-7);
        assert_eq!(confidence(20, 20)[1], 1.0);
    }
}
