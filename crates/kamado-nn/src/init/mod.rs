//! How the weights of a new model are drawn.
//!
//! A weight is a function of the seed and of the variable's position in the model, so the same model and seed give
//! the same bits on every machine.

mod orthogonal;

use kamado_graph::rng::Rng;
use serde::{Deserialize, Deserializer, Serialize};

use crate::text_or_table::text_or_table;

/// The standard deviation of a standard normal cut off at ±2.
const TRUNCATED_STDDEV: f64 = 0.879_625_661_034_239_8;

/// Streams of the random generator from here on belong to initial weights; dropout counts steps from zero, and
/// never gets this far.
const FIRST_STREAM: u64 = 0x696e_6974 << 32;

/// How the elements of a new weight are drawn. Written as `"glorot_uniform"` or `{ type = "constant", value = 0.1 }`.
///
/// With `fan_in` inputs and `fan_out` outputs per unit (see [`fans`]), a `uniform` variant draws from `±√(3·s)` and a
/// `normal` one from a normal distribution with variance `s` whose tails beyond two deviations (of the distribution
/// before the cut) are drawn again.
///
/// Source: Glorot and Bengio 2010; He et al. 2015; LeCun et al. 1998; formulas and defaults as in Keras 3.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Initializer {
    /// Uniform, `s = 2 / (fan_in + fan_out)`.
    GlorotUniform,
    /// Truncated normal, `s = 2 / (fan_in + fan_out)`.
    GlorotNormal,
    /// Uniform, `s = 2 / fan_in`.
    HeUniform,
    /// Truncated normal, `s = 2 / fan_in`.
    HeNormal,
    /// Uniform, `s = 1 / fan_in`.
    LecunUniform,
    /// Truncated normal, `s = 1 / fan_in`.
    LecunNormal,
    /// Orthogonal rows or columns, whichever are fewer, of a matrix whose rows are all extents but the last.
    Orthogonal {
        /// Their length; 1 by default.
        gain: f64,
    },
    /// Zero, but one in the second quarter: an LSTM's bias with an open forget gate.
    ForgetGateOnes,
    /// All zero.
    Zeros,
    /// All one.
    Ones,
    /// All the same.
    Constant {
        /// The value; 0 by default.
        value: f64,
    },
    /// Normal.
    RandomNormal {
        /// The mean; 0 by default.
        mean: f64,
        /// The standard deviation; 0.05 by default.
        stddev: f64,
    },
    /// Uniform.
    RandomUniform {
        /// The lower bound; -0.05 by default.
        minval: f64,
        /// The upper bound; 0.05 by default.
        maxval: f64,
    },
}

/// The written form, with Keras's defaults.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Written {
    GlorotUniform {},
    GlorotNormal {},
    HeUniform {},
    HeNormal {},
    LecunUniform {},
    LecunNormal {},
    Orthogonal {
        #[serde(default = "one")]
        gain: f64,
    },
    ForgetGateOnes {},
    Zeros {},
    Ones {},
    Constant {
        #[serde(default)]
        value: f64,
    },
    RandomNormal {
        #[serde(default)]
        mean: f64,
        #[serde(default = "small")]
        stddev: f64,
    },
    RandomUniform {
        #[serde(default = "minus_small")]
        minval: f64,
        #[serde(default = "small")]
        maxval: f64,
    },
}

fn one() -> f64 {
    1.0
}

fn small() -> f64 {
    0.05
}

fn minus_small() -> f64 {
    -0.05
}

impl<'de> Deserialize<'de> for Initializer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match text_or_table(deserializer)? {
            Written::GlorotUniform {} => Initializer::GlorotUniform,
            Written::GlorotNormal {} => Initializer::GlorotNormal,
            Written::HeUniform {} => Initializer::HeUniform,
            Written::HeNormal {} => Initializer::HeNormal,
            Written::LecunUniform {} => Initializer::LecunUniform,
            Written::LecunNormal {} => Initializer::LecunNormal,
            Written::Orthogonal { gain } => Initializer::Orthogonal { gain },
            Written::ForgetGateOnes {} => Initializer::ForgetGateOnes,
            Written::Zeros {} => Initializer::Zeros,
            Written::Ones {} => Initializer::Ones,
            Written::Constant { value } => Initializer::Constant { value },
            Written::RandomNormal { mean, stddev } => Initializer::RandomNormal { mean, stddev },
            Written::RandomUniform { minval, maxval } => Initializer::RandomUniform { minval, maxval },
        })
    }
}

/// `(fan_in, fan_out)`: the last two extents, each times the extents before them; the only extent twice for a vector,
/// and 1 for a scalar.
pub fn fans(shape: &[usize]) -> (f64, f64) {
    match shape {
        [] => (1.0, 1.0),
        [n] => (*n as f64, *n as f64),
        [field @ .., i, o] => {
            let field: f64 = field.iter().map(|&n| n as f64).product();
            (field * *i as f64, field * *o as f64)
        }
    }
}

impl Initializer {
    /// What is wrong with the settings, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        let settings = match *self {
            Initializer::Constant { value } | Initializer::Orthogonal { gain: value } => vec![value],
            Initializer::RandomNormal { mean, stddev } => vec![mean, stddev],
            Initializer::RandomUniform { minval, maxval } => vec![minval, maxval],
            _ => Vec::new(),
        };
        if let Some(x) = settings.iter().find(|x| !x.is_finite()) {
            return Some(format!("expected finite numbers, got {x}"));
        }
        match *self {
            Initializer::RandomNormal { stddev, .. } if stddev < 0.0 => {
                Some(format!("stddev must be at least 0, got {stddev}"))
            }
            Initializer::RandomUniform { minval, maxval } if minval > maxval => {
                Some(format!("minval must be at most maxval, got {minval} and {maxval}"))
            }
            _ => None,
        }
    }

    /// The elements of a variable of this shape, in row-major order; `variable` is its position in the model.
    pub fn fill(&self, shape: &[usize], seed: u64, variable: usize) -> Vec<f32> {
        let mut rng = Rng::new(seed, FIRST_STREAM | variable as u64);
        let n = shape.iter().product();
        let (fan_in, fan_out) = fans(shape);
        let (average, fan_in) = (((fan_in + fan_out) / 2.0).max(1.0), fan_in.max(1.0));
        let mut draw: Box<dyn FnMut() -> f64> = match *self {
            Initializer::Orthogonal { gain } => return orthogonal::orthogonal(&mut rng, shape, gain),
            Initializer::ForgetGateOnes => {
                let gate = n / 4;
                return (0..n).map(|i| f32::from(u8::from((gate..2 * gate).contains(&i)))).collect();
            }
            Initializer::Zeros => return vec![0.0; n],
            Initializer::Ones => return vec![1.0; n],
            Initializer::Constant { value } => return vec![value as f32; n],
            Initializer::GlorotUniform => variance_uniform(&mut rng, 1.0 / average),
            Initializer::GlorotNormal => variance_normal(&mut rng, 1.0 / average),
            Initializer::HeUniform => variance_uniform(&mut rng, 2.0 / fan_in),
            Initializer::HeNormal => variance_normal(&mut rng, 2.0 / fan_in),
            Initializer::LecunUniform => variance_uniform(&mut rng, 1.0 / fan_in),
            Initializer::LecunNormal => variance_normal(&mut rng, 1.0 / fan_in),
            Initializer::RandomNormal { mean, stddev } => Box::new(move || mean + stddev * rng.normal()),
            Initializer::RandomUniform { minval, maxval } => {
                Box::new(move || minval + (maxval - minval) * rng.uniform())
            }
        };
        (0..n).map(|_| draw() as f32).collect()
    }
}

fn variance_uniform(rng: &mut Rng, variance: f64) -> Box<dyn FnMut() -> f64 + '_> {
    let limit = (3.0 * variance).sqrt();
    Box::new(move || limit * (2.0 * rng.uniform() - 1.0))
}

fn variance_normal(rng: &mut Rng, variance: f64) -> Box<dyn FnMut() -> f64 + '_> {
    let stddev = variance.sqrt() / TRUNCATED_STDDEV;
    Box::new(move || {
        loop {
            let x = rng.normal();
            if x.abs() < 2.0 {
                return stddev * x;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 4] = [3, 3, 32, 128];

    fn moments(values: &[f32]) -> (f64, f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        (mean, variance, values.iter().fold(0.0, |m, x| f64::from(x.abs()).max(m)))
    }

    #[test]
    fn fans_of_vectors_matrices_and_filters() {
        assert_eq!(fans(&[]), (1.0, 1.0));
        assert_eq!(fans(&[7]), (7.0, 7.0));
        assert_eq!(fans(&[7, 5]), (7.0, 5.0));
        assert_eq!(fans(&SHAPE), (288.0, 1152.0));
    }

    #[test]
    fn variances_and_bounds_are_those_of_the_papers() {
        // fan_in 288, fan_out 1152: average 720.
        let cases = [
            (Initializer::GlorotUniform, 1.0 / 720.0, (3.0f64 / 720.0).sqrt()),
            (Initializer::HeUniform, 2.0 / 288.0, (6.0f64 / 288.0).sqrt()),
            (Initializer::LecunUniform, 1.0 / 288.0, (3.0f64 / 288.0).sqrt()),
            (Initializer::GlorotNormal, 1.0 / 720.0, 2.0 / 0.8796 / 720.0f64.sqrt()),
            (Initializer::HeNormal, 2.0 / 288.0, 2.0 / 0.8796 * (2.0f64 / 288.0).sqrt()),
            (Initializer::LecunNormal, 1.0 / 288.0, 2.0 / 0.8796 / 288.0f64.sqrt()),
            (Initializer::RandomUniform { minval: -0.05, maxval: 0.05 }, 0.01 / 12.0, 0.05),
        ];
        for (initializer, variance, bound) in cases {
            let (mean, got, largest) = moments(&initializer.fill(&SHAPE, 3, 5));
            assert!(mean.abs() < 5.0 * f64::sqrt(variance / 36864.0), "{initializer:?}: mean {mean}");
            assert!((got / variance - 1.0).abs() < 0.03, "{initializer:?}: variance {got}, not {variance}");
            assert!(largest <= bound * 1.0001 && largest > 0.98 * bound, "{initializer:?}: {largest} of {bound}");
        }
        let (mean, variance, _) = moments(&Initializer::RandomNormal { mean: 1.0, stddev: 0.5 }.fill(&SHAPE, 3, 5));
        assert!((mean - 1.0).abs() < 0.013 && (variance - 0.25).abs() < 0.01);
        assert_eq!(Initializer::Constant { value: 0.5 }.fill(&[2, 2], 0, 0), [0.5; 4]);
        assert_eq!((Initializer::Zeros.fill(&[2], 0, 0), Initializer::Ones.fill(&[], 0, 0)), (vec![0.0; 2], vec![1.0]));
    }

    #[test]
    fn a_weight_depends_on_seed_and_position_alone() {
        let fill = |seed, variable| Initializer::GlorotUniform.fill(&[4, 4], seed, variable);
        assert_eq!(fill(1, 2), fill(1, 2));
        assert_ne!(fill(1, 2), fill(1, 3));
        assert_ne!(fill(1, 2), fill(2, 2));
    }

    #[test]
    fn written_forms() {
        let read = |text: &str| serde_json::from_str::<Initializer>(text);
        assert_eq!(read(r#""he_normal""#).unwrap(), Initializer::HeNormal);
        assert_eq!(
            read(r#"{"type": "random_normal", "mean": 1}"#).unwrap(),
            Initializer::RandomNormal { mean: 1.0, stddev: 0.05 }
        );
        assert!(read(r#"{"type": "zeros", "value": 1}"#).unwrap_err().to_string().contains("unknown field `value`"));
        assert!(read(r#""glorot""#).unwrap_err().to_string().contains("expected one of `glorot_uniform`"));
        for text in [r#""ones""#, r#"{"type": "random_uniform", "minval": -1.0}"#] {
            let value = read(text).unwrap();
            assert_eq!(read(&serde_json::to_string(&value).unwrap()).unwrap(), value);
        }
    }
}
