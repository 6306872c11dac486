//! Numbers far from the others.

use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};
use crate::stats::{mean_and_deviation, median, percentile, sorted};

/// Which numbers count as outliers, and what happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outliers {
    /// How the distance is measured.
    pub rule: OutlierRule,
    /// The greatest distance that is kept; without it 1.5 for `iqr`, 3 for `zscore`, 3.5 for `robust_zscore`.
    #[serde(default)]
    pub limit: Option<f64>,
    /// What happens.
    #[serde(default)]
    pub action: OutlierAction,
}

/// How the distance of a number from the others is measured. Where the measure is 0, nothing is an outlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutlierRule {
    /// Beyond the quartiles, in units of the distance between them (Tukey 1977).
    Iqr,
    /// From the mean, in population standard deviations.
    Zscore,
    /// From the median: `0.6745 * |x - median| / MAD`, with the median absolute deviation (Iglewicz and Hoaglin 1993).
    RobustZscore,
}

/// What happens to an outlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutlierAction {
    /// The row is not trained on; other rows are left as they are.
    Drop,
    /// It becomes the nearest number that is not one.
    #[default]
    Clip,
    /// It stays; a column of 0 and 1 tells.
    Flag,
}

impl Outliers {
    /// The least and the greatest number that is not an outlier, from the known training values.
    ///
    /// # Errors
    /// If the limit is not above 0.
    pub(super) fn bounds(&self, values: &[f64]) -> Result<(f64, f64)> {
        let limit = self.limit.unwrap_or(match self.rule {
            OutlierRule::Iqr => 1.5,
            OutlierRule::Zscore => 3.0,
            OutlierRule::RobustZscore => 3.5,
        });
        if !(limit > 0.0 && limit.is_finite()) {
            return Err(DataError::request(format!("the outlier limit {limit} is not above 0"), "Choose about 3"));
        }
        let around = |low: f64, high: f64, unit: f64| match unit > 0.0 && unit.is_finite() {
            true => (low - limit * unit, high + limit * unit),
            false => (f64::MIN, f64::MAX),
        };
        Ok(match self.rule {
            OutlierRule::Iqr => {
                let sorted = sorted(values);
                let (low, high) = (percentile(&sorted, 0.25), percentile(&sorted, 0.75));
                around(low, high, high - low)
            }
            OutlierRule::Zscore => {
                let (mean, deviation) = mean_and_deviation(values);
                around(mean, mean, deviation)
            }
            OutlierRule::RobustZscore => {
                let middle = median(values);
                let distances: Vec<f64> = values.iter().map(|x| (x - middle).abs()).collect();
                around(middle, middle, median(&distances) / 0.6745)
            }
        })
    }
}
