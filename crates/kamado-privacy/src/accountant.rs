//! What training costs: `epsilon` for a given `delta`, bounded from both sides.

mod composition;
mod losses;

use serde::Serialize;

use crate::error::PrivacyError;
use crate::gaussian::{epsilon_for, gaussian_delta, one_step_delta};
use crate::mechanism::{Direction, Pair, Phase, SampledGaussian};
use crate::rdp::{self, log_moment, minimum};
use composition::{Composition, Part};

/// The fewest points of a grid of losses, and the most.
const POINTS: (f64, f64) = ((1u32 << 16) as f64, (1u32 << 21) as f64);
/// The least window of the grid, in standard deviations of the tilted sum.
const WINDOW: f64 = 12.0;
/// What the grid may add to `epsilon`, relative to the lesser of `epsilon` and 1.
const TOLERANCE: f64 = 4e-4;
/// The rounding errors of a formula are far smaller than this, relative to one plus the result.
const FORMULA: f64 = 1e-9;

/// Two numbers between which the true `epsilon` lies. The promise is the upper one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bounds {
    /// The least that it can be.
    #[serde(rename = "epsilon_lower")]
    pub lower: f64,
    /// The most that it can be: what may be promised.
    #[serde(rename = "epsilon_upper")]
    pub upper: f64,
}

/// Adds up what phases of training cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accountant {
    phases: Vec<Phase>,
}

impl Accountant {
    /// An account of nothing.
    pub fn new() -> Self {
        Accountant::default()
    }

    /// Adds steps; equal ones after each other are one phase.
    pub fn charge(&mut self, mechanism: SampledGaussian, steps: u64) {
        match self.phases.last_mut() {
            Some(last) if last.mechanism == mechanism => last.steps = last.steps.saturating_add(steps),
            _ if steps > 0 => self.phases.push(Phase { mechanism, steps }),
            _ => {}
        }
    }

    /// What has been charged.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// Bounds of the least `epsilon` with which everything charged is `(epsilon, delta)`-private, where neighbouring data sets
    /// differ by one example that is added or removed.
    ///
    /// Exact where there is a formula: for steps without sampling, and for a single step.
    ///
    /// # Errors
    /// If `delta` is not between 1e-15 and 1, or there are more than 10 million steps.
    pub fn epsilon(&self, delta: f64) -> Result<Bounds, PrivacyError> {
        if let Some(exact) = self.formula(delta)? {
            let margin = FORMULA * (1.0 + exact);
            return Ok(Bounds { lower: (exact - margin).max(0.0), upper: exact + margin.min(exact) });
        }
        let lower = || side(&self.phases, Direction::Remove, delta, true);
        std::thread::scope(|scope| {
            let lower = scope.spawn(lower);
            let upper = self.upper(delta)?;
            // A lower bound of one direction is one of both.
            let lower = lower.join().ok().flatten().unwrap_or(0.0);
            Ok(Bounds { lower: lower.min(upper), upper })
        })
    }

    /// Only the upper bound.
    fn upper(&self, delta: f64) -> Result<f64, PrivacyError> {
        if let Some(exact) = self.formula(delta)? {
            return Ok(exact + (FORMULA * (1.0 + exact)).min(exact));
        }
        let fail = || {
            let problem = format!("the cost of {:?} at a delta of {delta} cannot be computed", self.phases);
            PrivacyError::new(problem, "Use more noise, fewer steps or a greater delta")
        };
        let removed = side(&self.phases, Direction::Remove, delta, false).ok_or_else(fail)?;
        // Mostly the other direction costs less even by the loose account.
        if rdp::epsilon_of(&self.phases, Direction::Add, delta).0 <= removed {
            return Ok(removed);
        }
        Ok(removed.max(side(&self.phases, Direction::Add, delta, false).ok_or_else(fail)?))
    }

    /// The exact `epsilon`, where there is a formula.
    fn formula(&self, delta: f64) -> Result<Option<f64>, PrivacyError> {
        if !(1e-15..1.0).contains(&delta) {
            let remedy = "Choose 1e-15 to below 1: less than one over the number of examples, such as 1e-5";
            return Err(PrivacyError::new(format!("a delta of {delta}"), remedy));
        }
        let steps: u64 = self.phases.iter().fold(0, |sum, phase| sum.saturating_add(phase.steps));
        if steps > 10_000_000 {
            return Err(PrivacyError::new(format!("{steps} steps"), "Account for at most 10 million"));
        }
        Ok(match &self.phases[..] {
            [] => Some(0.0),
            [Phase { mechanism, steps: 1 }] => {
                let in_direction =
                    |direction| epsilon_for(delta, |epsilon| one_step_delta(mechanism, direction, epsilon));
                Some(in_direction(Direction::Remove).max(in_direction(Direction::Add)))
            }
            phases if phases.iter().all(|phase| phase.mechanism.sampling_rate() == 1.0) => {
                let squares = phases.iter().map(|p| p.steps as f64 / p.mechanism.noise_multiplier().powi(2));
                let mu = squares.sum::<f64>().sqrt();
                Some(epsilon_for(delta, |epsilon| gaussian_delta(mu, epsilon)))
            }
            _ => None,
        })
    }
}

/// `epsilon` in one direction, from losses that are made better or worse than they are.
fn side(phases: &[Phase], direction: Direction, delta: f64, better: bool) -> Option<f64> {
    let pairs: Vec<(Pair, u64)> =
        phases.iter().map(|p| (Pair { mechanism: p.mechanism, direction }, p.steps)).collect();
    let steps: f64 = phases.iter().map(|phase| phase.steps as f64).sum();
    let moment = |theta: f64| pairs.iter().map(|(pair, n)| *n as f64 * log_moment(pair, theta)).sum::<f64>();
    // The tilt of the best Chernoff bound makes losses near the sought epsilon likely.
    let bound = |theta: f64| (moment(theta) - delta.ln()) / theta;
    let theta = minimum(|log| bound(log.exp()), 1e-2f64.ln(), 1e4f64.ln()).exp();
    let change = 1e-3 * theta.max(0.1);
    let (below, at, above) = (moment(theta - change), moment(theta), moment(theta + change));
    let mean = (above - below) / (2.0 * change);
    let deviation = ((above - 2.0 * at + below) / (change * change)).max(1e-12).sqrt();
    // Outcomes beyond the support are charged as infinite losses: together a billionth of delta.
    let z = (2.0 * (1e9 * steps / delta).ln()).sqrt();
    let window = window(&moment, theta, at, mean, deviation);
    // A step's loss moves by less than the interval, with a variance of at most a quarter of its square and a mean of 0; in
    // the tilted sum of all steps that is `steps theta interval^2 / 8` of epsilon.
    let tolerance = TOLERANCE * bound(theta).clamp(1e-3, 1.0);
    let wanted = (window / (8.0 * tolerance / (steps * theta)).sqrt()).clamp(POINTS.0, POINTS.1);
    // A power of two or three quarters of one, whichever is enough: both transform fast.
    let power = (wanted as usize).next_power_of_two();
    let points = if power / 4 * 3 >= wanted as usize { power / 4 * 3 } else { power };
    let interval = window / points as f64;
    let losses = if better { losses::better } else { losses::worse };
    let parts: Vec<Part> =
        pairs.iter().map(|(pair, steps)| Part { losses: losses(pair, interval, z), steps: *steps }).collect();
    Composition::new(&parts, interval, theta, mean, points).epsilon(delta, !better)
}

/// The width around `mean` outside which the tilted sum of losses has a probability below what [`Composition::epsilon`]
/// concedes, by Chernoff's bound.
fn window(moment: &impl Fn(f64) -> f64, theta: f64, at: f64, mean: f64, deviation: f64) -> f64 {
    const LOG_REST: f64 = -18.0;
    let beyond = |t: f64| {
        // P(|S - mean| > w) <= exp(moment(theta + t) - moment(theta) - t (mean ± w)).
        let cumulant = moment(theta + t) - at - t * mean;
        (cumulant - LOG_REST) / t.abs()
    };
    let tightest = |sign: f64| {
        [2.0, 4.0, 6.0, 8.0, 12.0]
            .iter()
            .map(|share| share / deviation)
            .filter(|t| sign > 0.0 || *t < theta)
            .map(|t| beyond(sign * t))
            .fold(f64::INFINITY, f64::min)
    };
    let (above, below) = (tightest(1.0), tightest(-1.0));
    let farthest = if below.is_finite() { above.max(below) } else { above };
    2.0 * farthest.max(0.5 * WINDOW * deviation)
}

/// The least noise multiplier, to six digits, with which `steps` steps cost at most `epsilon`, by the upper bound.
///
/// # Errors
/// If a number is out of range, or no noise from 0.05 to 1e6 costs that much or that little.
pub fn calibrate(epsilon: f64, delta: f64, sampling_rate: f64, steps: u64) -> Result<f64, PrivacyError> {
    if !(epsilon.is_finite() && epsilon > 0.0) || steps == 0 {
        let problem = format!("an epsilon of {epsilon} for {steps} steps");
        return Err(PrivacyError::new(problem, "Both must be above 0"));
    }
    let account = |log_noise: f64| -> Result<Accountant, PrivacyError> {
        let mut account = Accountant::new();
        account.charge(SampledGaussian::new(sampling_rate, log_noise.exp())?, steps);
        account.formula(delta)?;
        Ok(account)
    };
    // The looser account is fast and not far off.
    let loose = |log_noise| Ok::<_, PrivacyError>(rdp::epsilon(account(log_noise)?.phases(), delta).0);
    let (mut low, mut high) = (0.05f64.ln() + 1e-9, 1e6f64.ln() - 1e-9);
    while high - low > 1e-3 {
        let middle = 0.5 * (low + high);
        if loose(middle)? > epsilon { low = middle } else { high = middle }
    }
    settle(epsilon, high, |log_noise| account(log_noise)?.upper(delta))
}

/// The least `x`, near `start`, at which `cost`, which falls, is at most `epsilon`: by the secant rule on its logarithm, kept
/// between bounds.
fn settle(epsilon: f64, start: f64, cost: impl Fn(f64) -> Result<f64, PrivacyError>) -> Result<f64, PrivacyError> {
    let excess = |x: f64| Ok::<_, PrivacyError>((cost(x)?.max(1e-300) / epsilon).ln());
    let (least, most) = (0.05f64.ln() + 1e-9, 1e6f64.ln() - 1e-9);
    let (mut too_little, mut enough) = (least, most);
    let (mut x, mut last): (f64, Option<(f64, f64)>) = (start.clamp(least, most), None);
    for _ in 0..60 {
        let y = excess(x)?;
        if y > 0.0 {
            too_little = too_little.max(x)
        } else {
            enough = enough.min(x)
        }
        if enough < most && (enough - too_little < 1e-6 || (-1e-7..=0.0).contains(&y)) {
            return Ok(enough.exp());
        }
        let slope = match last {
            Some((x0, y0)) if x0 != x && y0 != y => (y - y0) / (x - x0),
            _ => -1.2,
        };
        last = Some((x, y));
        // Aimed a little at the safe side, so that the end comes from there.
        let next = x - (y + 4e-8) / slope;
        x = if next > too_little && next < enough { next } else { 0.5 * (too_little + enough) };
        if x >= most - 1e-7 {
            break;
        }
    }
    let problem = format!("no noise multiplier from 0.05 to 1000000 costs an epsilon of {epsilon}");
    Err(PrivacyError::new(problem, "Choose another epsilon, sampling rate or number of steps"))
}
