//! Rényi differential privacy: an independent, looser account, to check the numerical one against.

use crate::mechanism::{Direction, Pair, Phase, SampledGaussian};

/// How many standard deviations beyond a bump of an integrand are integrated.
const TAIL: f64 = 12.0;
/// Points of an integral within the length in which its integrand hardly bends.
const POINTS: f64 = 12.0;

/// The Rényi divergence of order `alpha` of a step on data with an example from the same without it,
/// `ln E[((1 - q) + q exp((2x - 1) / (2 sigma^2)))^alpha] / (alpha - 1)` for `x` from N(0, sigma^2); `alpha` above 1. It is
/// the larger of the two directions.
///
/// Computed by the trapezoidal rule, which converges exponentially for such integrands, so that fractional orders are as
/// exact as whole ones.
///
/// Source: I. Mironov, K. Talwar, L. Zhang, "Rényi differential privacy of the sampled Gaussian mechanism", 2019.
pub fn rdp(mechanism: &SampledGaussian, alpha: f64) -> f64 {
    let pair = Pair { mechanism: *mechanism, direction: Direction::Remove };
    log_moment(&pair, alpha - 1.0) / (alpha - 1.0)
}

/// The least `epsilon` that Rényi accounts of many orders allow for these phases, and the order that gives it.
///
/// Each order gives `rdp + ln(1 - 1/alpha) - ln(delta alpha) / (alpha - 1)`.
///
/// Source: C. Canonne, G. Kamath, T. Steinke, "The discrete Gaussian for differential privacy", NeurIPS 2020, proposition 12.
pub fn epsilon(phases: &[Phase], delta: f64) -> (f64, f64) {
    epsilon_of(phases, Direction::Remove, delta)
}

/// The same in one direction.
pub(crate) fn epsilon_of(phases: &[Phase], direction: Direction, delta: f64) -> (f64, f64) {
    let at = |alpha: f64| {
        let moment = |phase: &Phase| log_moment(&Pair { mechanism: phase.mechanism, direction }, alpha - 1.0);
        let total: f64 = phases.iter().map(|phase| phase.steps as f64 * moment(phase)).sum();
        ((total - (delta * alpha).ln()) / (alpha - 1.0) + (-1.0 / alpha).ln_1p()).max(0.0)
    };
    let order = minimum(|log_order| at(1.0 + log_order.exp()), 0.01f64.ln(), 1e4f64.ln()).exp() + 1.0;
    (at(order), order)
}

/// `ln E[exp(theta loss)]` under the distribution that the mechanism has, for `theta` of at least 0.
pub(crate) fn log_moment(pair: &Pair, theta: f64) -> f64 {
    let sigma = pair.mechanism.noise_multiplier();
    // The density times exp(theta loss) has one bump near 0 and, where the example weighs, one at most this far away.
    let far = match pair.direction {
        Direction::Remove => 1.0 + theta,
        Direction::Add => theta,
    };
    let (low, high) = (-TAIL * sigma, far + TAIL * sigma);
    let step = (pair.smooth_length() / POINTS).max((high - low) / 40_000.0);
    let points = ((high - low) / step).ceil() as usize;
    let exponents: Vec<f64> = (0..=points)
        .map(|i| {
            let x = low + i as f64 * step;
            let loss = pair.loss(x);
            pair.log_density(x, loss) + theta * loss
        })
        .collect();
    log_sum_exp(&exponents) + step.ln()
}

pub(crate) fn log_sum_exp(exponents: &[f64]) -> f64 {
    let most = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + exponents.iter().map(|x| (x - most).exp()).sum::<f64>().ln()
}

/// Where a function with one valley is least.
pub(crate) fn minimum(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut a, mut b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_a, mut at_b) = (f(a), f(b));
    while high - low > 1e-4 {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - GOLDEN * (high - low);
            at_a = f(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + GOLDEN * (high - low);
            at_b = f(b);
        }
    }
    0.5 * (low + high)
}
