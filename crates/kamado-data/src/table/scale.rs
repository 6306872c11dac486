//! One column of numbers to the scale of a network.

use serde::{Deserialize, Serialize};

use super::normal::normal_quantile;
use crate::error::{DataError, Result};
use crate::stats::{mean_and_deviation, percentile, sorted};

/// How numbers are scaled; the statistics are those of the training rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// As they are.
    None,
    /// `(x - min) / (max - min)`, as scikit-learn's `MinMaxScaler`.
    MinMax,
    /// `(x - mean) / standard deviation` (of the population), as scikit-learn's `StandardScaler`.
    Standard,
    /// `(x - median) / (third quartile - first quartile)`, as scikit-learn's `RobustScaler`.
    Robust,
    /// `sign(x) * ln(1 + |x|)`: NumPy's `log1p` for x ≥ 0, and its mirror image below, where that has no value.
    Log1p,
    /// The share of the training values below, 0 to 1, as scikit-learn's `QuantileTransformer` with 1,000 quantiles.
    Quantile,
    /// [`Scale::Quantile`] mapped to a standard normal distribution, within ±5.2.
    QuantileNormal,
}

/// A fitted [`Scale`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scaler {
    /// `(x - center) / scale`.
    Affine {
        /// Is taken away.
        center: f64,
        /// Divides the rest; not 0.
        scale: f64,
    },
    /// `sign(x) * ln(1 + |x|)`.
    Log1p,
    /// Where `x` lies between quantiles.
    Quantile {
        /// Equally spaced quantiles of the training values, ascending.
        quantiles: Vec<f64>,
        /// Whether the share is mapped to a normal distribution.
        normal: bool,
    },
}

/// The most quantiles that are kept.
const QUANTILES: usize = 1000;

/// scikit-learn cuts shares here before it maps them to a normal distribution.
const LEAST_SHARE: f64 = 1e-7;

impl Scaler {
    /// Fits `scale` to finite training values. A column that never changes is only moved, as in scikit-learn.
    ///
    /// # Errors
    /// If there is no value, or the statistics overflow.
    pub fn fit(scale: Scale, values: &[f64]) -> Result<Self> {
        let spread = |center: f64, scale: f64| {
            // Below this share of the centre a spread is rounding noise of a constant.
            let constant = scale.abs() <= 10.0 * f64::EPSILON * center.abs();
            Scaler::Affine { center, scale: if constant { 1.0 } else { scale } }
        };
        let scaler = match scale {
            Scale::None => Scaler::Affine { center: 0.0, scale: 1.0 },
            Scale::Log1p => Scaler::Log1p,
            Scale::Standard => {
                let (mean, deviation) = mean_and_deviation(values);
                spread(mean, deviation)
            }
            Scale::MinMax => {
                let (min, max) =
                    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &x| (min.min(x), max.max(x)));
                spread(min, max - min)
            }
            Scale::Robust => {
                let sorted = sorted(values);
                let quarter = |quarters: f64| percentile(&sorted, quarters / 4.0);
                spread(quarter(2.0), quarter(3.0) - quarter(1.0))
            }
            Scale::Quantile | Scale::QuantileNormal => {
                let (sorted, count) = (sorted(values), values.len().min(QUANTILES));
                let steps = count.saturating_sub(1).max(1) as f64;
                let quantiles = (0..count).map(|i| percentile(&sorted, i as f64 / steps)).collect();
                Scaler::Quantile { quantiles, normal: scale == Scale::QuantileNormal }
            }
        };
        match &scaler {
            Scaler::Affine { center, scale } if !center.is_finite() || !scale.is_finite() => Err(DataError::request(
                format!("{} values cannot be scaled: there are none, or they are too large", values.len()),
                "Ignore the column, or clip its outliers",
            )),
            Scaler::Quantile { quantiles, .. } if quantiles.is_empty() => {
                Err(DataError::request("there is no value to take quantiles of", "Ignore the column"))
            }
            _ => Ok(scaler),
        }
    }

    /// The scaled value, within the range of `f32`.
    pub fn apply(&self, x: f64) -> f32 {
        let scaled = match self {
            Scaler::Affine { center, scale } => (x - center) / scale,
            Scaler::Log1p => x.abs().ln_1p().copysign(x),
            Scaler::Quantile { quantiles, normal: false } => share_below(quantiles, x),
            Scaler::Quantile { quantiles, normal: true } => {
                normal_quantile(share_below(quantiles, x).clamp(LEAST_SHARE, 1.0 - LEAST_SHARE))
            }
        };
        scaled.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    }
}

/// The share of the distribution with these equally spaced quantiles that lies below `x`; where several quantiles are
/// equal to `x`, the middle of their shares.
fn share_below(quantiles: &[f64], x: f64) -> f64 {
    let last = quantiles.len().saturating_sub(1);
    if quantiles.first().is_none_or(|&first| x <= first) {
        return 0.0;
    }
    if x >= quantiles[last] {
        return 1.0;
    }
    let (lower, upper) = (quantiles.partition_point(|&q| q < x), quantiles.partition_point(|&q| q <= x));
    let place = if lower < upper {
        (lower + upper - 1) as f64 / 2.0
    } else {
        let (below, above) = (quantiles[lower - 1], quantiles[lower]);
        (lower - 1) as f64 + (x - below) / (above - below)
    };
    place / last as f64
}
