//! How values are spread.

use serde::Serialize;

/// How many values lie in each of equal intervals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// Where the first interval begins.
    pub low: f64,
    /// Where the last interval ends.
    pub high: f64,
    /// How many values each holds; the last one holds those that are equal to `high` as well.
    pub counts: Vec<usize>,
}

impl Histogram {
    /// Of these finite values in up to `intervals` intervals; one if all are equal, none if there is none.
    pub fn of(values: &[f64], intervals: usize) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if values.is_empty() || intervals == 0 {
            return Histogram { low: 0.0, high: 0.0, counts: Vec::new() };
        }
        // Halves, since the difference of the extremes may overflow.
        let half_width = 0.5 * high - 0.5 * low;
        let mut counts = vec![0; if half_width > 0.0 { intervals } else { 1 }];
        let last = counts.len() - 1;
        for value in values {
            let share = if half_width > 0.0 { (0.5 * value - 0.5 * low) / half_width } else { 0.0 };
            let place = (share * (last + 1) as f64) as usize;
            counts[place.min(last)] += 1;
        }
        Histogram { low, high, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let histogram = Histogram::of(&[0.0, 0.9, 1.0, 1.1, 3.9, 4.0], 4);
        assert_eq!(histogram, Histogram { low: 0.0, high: 4.0, counts: vec![2, 2, 0, 2] });
        assert_eq!(Histogram::of(&[7.0, 7.0], 4).counts, [2]);
        assert_eq!(Histogram::of(&[], 4).counts, [0; 0]);
        assert_eq!(Histogram::of(&[-f64::MAX, 0.0, f64::MAX], 2).counts, [1, 2]);
    }
}
