//! Statistics of one column, as NumPy defines them.

/// The mean and the population standard deviation; NaN for no value.
pub(crate) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// The values in ascending order.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The value below which `share` (0 to 1) of the sorted values lie, with linear interpolation; NaN for no value.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = (share * last as f64).clamp(0.0, last as f64);
    let (low, high) = (sorted[place as usize], sorted[(place as usize + 1).min(last)]);
    let part = place.fract();
    // As NumPy: from the nearer end, so that the result is exact at both.
    if part < 0.5 { low + (high - low) * part } else { high - (high - low) * (1.0 - part) }
}

/// The median of the values; NaN for no value.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(&sorted(values), 0.5)
}

/// The most frequent of the sorted values, the least of them if several are; None for no value.
pub(crate) fn mode<T: PartialEq + Copy>(sorted: &[T]) -> Option<T> {
    let mut best: Option<(usize, T)> = None;
    for run in sorted.chunk_by(|a, b| a == b) {
        if best.is_none_or(|(count, _)| run.len() > count) {
            best = Some((run.len(), run[0]));
        }
    }
    best.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(mean_and_deviation(&values), (2.5, 1.25f64.sqrt()));
        assert_eq!(median(&values), 2.5);
        assert_eq!(percentile(&sorted(&values), 0.25), 1.75);
        assert_eq!(percentile(&sorted(&values), 1.0), 4.0);
        assert!(median(&[]).is_nan());
        assert_eq!(mode(&[1.0, 2.0, 2.0, 3.0, 3.0]), Some(2.0));
        assert_eq!(mode::<f64>(&[]), None);
    }
}
