//! The learning rate as a function of the step.
//!
//! A schedule is a pure function of the step (from zero) and the number of steps of the whole run, so a run that is
//! resumed goes on where it was.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{not_negative, out_of_range};
use crate::error::NnError;
use crate::text_or_table::number_or_table;

/// A learning rate: a number, or a schedule. Written as `0.001` or
/// `{ type = "cosine_decay", initial_learning_rate = 0.001 }`.
#[derive(Clone, PartialEq, Debug)]
pub enum LearningRate {
    /// The same in every step.
    Constant(f64),
    /// A function of the step.
    Schedule(Schedule),
}

/// A learning rate that changes from step to step. Below, `t` is the step, from zero.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Half a cosine wave from the peak down to `alpha` times the peak, then constant; before it, if `warmup_target`
    /// is given, a line from `initial_learning_rate` up to it.
    ///
    /// `η = peak·((1 - alpha)·(1 + cos(π·min(t - warmup_steps, decay_steps)/decay_steps))/2 + alpha)`.
    ///
    /// Source: Loshchilov and Hutter 2017; Keras `CosineDecay`.
    CosineDecay {
        /// The learning rate of the first step; the peak, if there is no warm-up.
        initial_learning_rate: f64,
        /// The length of the decay; by default, the steps that are left after the warm-up.
        #[serde(default)]
        decay_steps: Option<u64>,
        /// The share of the peak that stays; 0 by default.
        #[serde(default)]
        alpha: f64,
        /// The peak, after the warm-up; by default there is no warm-up.
        #[serde(default)]
        warmup_target: Option<f64>,
        /// The length of the warm-up; 0 by default.
        #[serde(default)]
        warmup_steps: u64,
    },
    /// Half a cosine wave down to `alpha` times the peak, again and again: each `t_mul` times as long as the last, from a
    /// peak `m_mul` times as high.
    ///
    /// Source: Loshchilov and Hutter 2017; Keras `CosineDecayRestarts`.
    CosineDecayRestarts {
        /// The first peak.
        initial_learning_rate: f64,
        /// The length of the first decay.
        first_decay_steps: u64,
        /// The length of a decay relative to the last, at least 1; 2 by default.
        #[serde(default = "two")]
        t_mul: f64,
        /// The height of a peak relative to the last; 1 by default.
        #[serde(default = "one")]
        m_mul: f64,
        /// The share of the first peak that stays; 0 by default.
        #[serde(default)]
        alpha: f64,
    },
    /// A power of what is left of the decay, a line by default, then constant:
    /// `η = (initial - end)·(1 - min(t, decay_steps)/decay_steps)^power + end`. With `cycle`, the decay is `decay_steps`
    /// longer whenever its end is passed.
    ///
    /// Source: Keras `PolynomialDecay`.
    PolynomialDecay {
        /// The learning rate of the first step.
        initial_learning_rate: f64,
        /// The length of the decay; by default, the whole run.
        #[serde(default)]
        decay_steps: Option<u64>,
        /// The last learning rate; 0.0001 by default.
        #[serde(default = "end_learning_rate")]
        end_learning_rate: f64,
        /// The power; 1 by default.
        #[serde(default = "one")]
        power: f64,
        /// Whether it starts over; false by default.
        #[serde(default)]
        cycle: bool,
    },
    /// `η = initial_learning_rate / (1 + decay_rate·t/decay_steps)`, with `t/decay_steps` rounded down if `staircase`.
    ///
    /// Source: Keras `InverseTimeDecay`.
    InverseTimeDecay {
        /// The learning rate of the first step.
        initial_learning_rate: f64,
        /// The steps after which `decay_rate` is added to the divisor.
        decay_steps: u64,
        /// What is added.
        decay_rate: f64,
        /// Whether it falls in steps; false by default.
        #[serde(default)]
        staircase: bool,
    },
    /// Up to `max_learning_rate` and down again, in one run, each by half a cosine wave: from `max / div_factor` over
    /// the first `pct_start` of the run, then to `max / div_factor / final_div_factor` in the last step.
    ///
    /// Source: Smith and Topin 2018; PyTorch `OneCycleLR`.
    OneCycle {
        /// The peak.
        max_learning_rate: f64,
        /// The share of the run that leads up to the peak, in `[0, 1]`; 0.3 by default.
        #[serde(default = "pct_start")]
        pct_start: f64,
        /// The peak divided by the first learning rate; 25 by default.
        #[serde(default = "div_factor")]
        div_factor: f64,
        /// The first learning rate divided by the last; 10,000 by default.
        #[serde(default = "final_div_factor")]
        final_div_factor: f64,
    },
    /// `η = initial_learning_rate · decay_rate^(t / decay_steps)`, with the exponent rounded down if `staircase`.
    ///
    /// Source: Keras `ExponentialDecay`.
    ExponentialDecay {
        /// The learning rate of the first step.
        initial_learning_rate: f64,
        /// The steps after which it is multiplied by `decay_rate`.
        decay_steps: u64,
        /// The factor.
        decay_rate: f64,
        /// Whether it falls in steps; false by default.
        #[serde(default)]
        staircase: bool,
    },
    /// `values[0]` up to and including step `boundaries[0]`, `values[1]` up to `boundaries[1]`, and so on; the last
    /// value after the last boundary.
    ///
    /// Source: Keras `PiecewiseConstantDecay`.
    PiecewiseConstantDecay {
        /// The last step of each value but the last, ascending.
        boundaries: Vec<u64>,
        /// The learning rates, one more than boundaries.
        values: Vec<f64>,
    },
}

fn one() -> f64 {
    1.0
}

fn two() -> f64 {
    2.0
}

fn end_learning_rate() -> f64 {
    1e-4
}

fn pct_start() -> f64 {
    0.3
}

fn div_factor() -> f64 {
    25.0
}

fn final_div_factor() -> f64 {
    1e4
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> Self {
        LearningRate::Constant(rate)
    }
}

impl From<Schedule> for LearningRate {
    fn from(schedule: Schedule) -> Self {
        LearningRate::Schedule(schedule)
    }
}

impl Serialize for LearningRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            LearningRate::Constant(rate) => rate.serialize(serializer),
            LearningRate::Schedule(schedule) => schedule.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LearningRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table(LearningRate);

        impl<'de> Deserialize<'de> for Table {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Schedule::deserialize(deserializer).map(|s| Table(s.into()))
            }
        }

        number_or_table(deserializer, |rate| Table(rate.into())).map(|table| table.0)
    }
}

impl LearningRate {
    /// The learning rate of step `step`, from zero, of a run of `total_steps`.
    pub fn at(&self, step: u64, total_steps: u64) -> f64 {
        match self {
            LearningRate::Constant(rate) => *rate,
            LearningRate::Schedule(schedule) => schedule.at(step, total_steps),
        }
    }

    /// Refuses settings that are out of range.
    ///
    /// # Errors
    /// [`NnError::Optimizer`], naming the setting.
    pub fn check(&self) -> Result<(), NnError> {
        match self {
            LearningRate::Constant(rate) if *rate >= 0.0 && rate.is_finite() => Ok(()),
            LearningRate::Constant(rate) => Err(out_of_range("learning_rate".into(), "0 or more", *rate)),
            LearningRate::Schedule(schedule) => schedule.check(),
        }
    }
}

impl Schedule {
    fn at(&self, step: u64, total_steps: u64) -> f64 {
        let t = step as f64;
        match self {
            Schedule::CosineDecay { initial_learning_rate, decay_steps, alpha, warmup_target, warmup_steps } => {
                let (peak, warmup) = match warmup_target {
                    Some(target) => (*target, *warmup_steps),
                    None => (*initial_learning_rate, 0),
                };
                if step < warmup {
                    return initial_learning_rate + (peak - initial_learning_rate) * t / warmup as f64;
                }
                let length = decay_steps.unwrap_or(total_steps.saturating_sub(warmup));
                let done = (step - warmup).min(length) as f64 / length.max(1) as f64;
                peak * ((1.0 - alpha) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()) + alpha)
            }
            Schedule::CosineDecayRestarts { initial_learning_rate, first_decay_steps, t_mul, m_mul, alpha } => {
                let mut done = t / *first_decay_steps as f64;
                let restarts =
                    if *t_mul == 1.0 { done } else { (1.0 + done * (t_mul - 1.0)).ln() / t_mul.ln() }.floor();
                done = match *t_mul {
                    1.0 => done - restarts,
                    _ => (done - (t_mul.powf(restarts) - 1.0) / (t_mul - 1.0)) / t_mul.powf(restarts),
                };
                initial_learning_rate * ((1.0 - alpha) * wave(m_mul.powf(restarts), 0.0, done) + alpha)
            }
            Schedule::PolynomialDecay { initial_learning_rate, decay_steps, end_learning_rate, power, cycle } => {
                let length = decay_steps.unwrap_or(total_steps).max(1) as f64;
                let cycles = if *cycle { (t / length).ceil().max(1.0) } else { 1.0 };
                let left = 1.0 - (t / (length * cycles)).min(1.0);
                (initial_learning_rate - end_learning_rate) * left.powf(*power) + end_learning_rate
            }
            Schedule::InverseTimeDecay { initial_learning_rate, decay_steps, decay_rate, staircase } => {
                let done = t / *decay_steps as f64;
                initial_learning_rate / (1.0 + decay_rate * if *staircase { done.floor() } else { done })
            }
            Schedule::OneCycle { max_learning_rate, pct_start, div_factor, final_div_factor } => {
                let (first, last) = (max_learning_rate / div_factor, max_learning_rate / div_factor / final_div_factor);
                let top = pct_start * total_steps as f64 - 1.0;
                let end = total_steps.saturating_sub(1) as f64;
                if t <= top {
                    wave(first, *max_learning_rate, t / top.max(f64::MIN_POSITIVE))
                } else {
                    wave(*max_learning_rate, last, ((t - top) / (end - top).max(f64::MIN_POSITIVE)).min(1.0))
                }
            }
            Schedule::ExponentialDecay { initial_learning_rate, decay_steps, decay_rate, staircase } => {
                let exponent = t / *decay_steps as f64;
                initial_learning_rate * decay_rate.powf(if *staircase { exponent.floor() } else { exponent })
            }
            Schedule::PiecewiseConstantDecay { boundaries, values } => {
                let passed = boundaries.iter().filter(|&&b| step > b).count();
                values.get(passed).or(values.last()).copied().unwrap_or(0.0)
            }
        }
    }

    fn check(&self) -> Result<(), NnError> {
        let error =
            |place: &str, problem: String| Err(NnError::Optimizer { place: format!("learning_rate.{place}"), problem });
        let rate = |setting, value| not_negative("learning_rate", setting, value).map(|_| ());
        match self {
            Schedule::CosineDecay { initial_learning_rate, decay_steps, alpha, warmup_target, warmup_steps } => {
                rate("initial_learning_rate", *initial_learning_rate)?;
                rate("alpha", *alpha)?;
                rate("warmup_target", warmup_target.unwrap_or(0.0))?;
                if *decay_steps == Some(0) {
                    return error("decay_steps", "must be at least 1; leave it out for the whole run".into());
                }
                if *warmup_steps > 0 && warmup_target.is_none() {
                    return error("warmup_target", "is missing: the learning rate that the warm-up leads to".into());
                }
                Ok(())
            }
            Schedule::CosineDecayRestarts { initial_learning_rate, first_decay_steps, t_mul, m_mul, alpha } => {
                rate("initial_learning_rate", *initial_learning_rate)?;
                rate("m_mul", *m_mul)?;
                rate("alpha", *alpha)?;
                if !(*t_mul >= 1.0 && t_mul.is_finite()) {
                    return error("t_mul", format!("expected 1 or more, got {t_mul}"));
                }
                if *first_decay_steps == 0 { error("first_decay_steps", "must be at least 1".into()) } else { Ok(()) }
            }
            Schedule::PolynomialDecay { initial_learning_rate, decay_steps, end_learning_rate, power, .. } => {
                rate("initial_learning_rate", *initial_learning_rate)?;
                rate("end_learning_rate", *end_learning_rate)?;
                rate("power", *power)?;
                if *decay_steps == Some(0) {
                    return error("decay_steps", "must be at least 1; leave it out for the whole run".into());
                }
                Ok(())
            }
            Schedule::OneCycle { max_learning_rate, pct_start, div_factor, final_div_factor } => {
                rate("max_learning_rate", *max_learning_rate)?;
                if !(0.0..=1.0).contains(pct_start) {
                    return error("pct_start", format!("expected a number between 0 and 1, got {pct_start}"));
                }
                for (setting, value) in [("div_factor", div_factor), ("final_div_factor", final_div_factor)] {
                    if !(*value > 0.0 && value.is_finite()) {
                        return error(setting, format!("expected a number greater than 0, got {value}"));
                    }
                }
                Ok(())
            }
            Schedule::ExponentialDecay { initial_learning_rate, decay_steps, decay_rate, .. }
            | Schedule::InverseTimeDecay { initial_learning_rate, decay_steps, decay_rate, .. } => {
                rate("initial_learning_rate", *initial_learning_rate)?;
                rate("decay_rate", *decay_rate)?;
                if *decay_steps == 0 { error("decay_steps", "must be at least 1".into()) } else { Ok(()) }
            }
            Schedule::PiecewiseConstantDecay { boundaries, values } => {
                if values.len() != boundaries.len() + 1 {
                    let problem =
                        format!("expected one more than the {} boundaries, got {}", boundaries.len(), values.len());
                    return error("values", problem);
                }
                if !boundaries.is_sorted_by(|a, b| a < b) {
                    return error("boundaries", format!("must ascend, got {boundaries:?}"));
                }
                values.iter().try_for_each(|&v| rate("values", v))
            }
        }
    }
}

/// Half a cosine wave from `a` to `b`.
fn wave(a: f64, b: f64, done: f64) -> f64 {
    b + (a - b) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}
