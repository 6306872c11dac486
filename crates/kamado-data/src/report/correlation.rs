//! How columns of numbers go together.

use arrow_array::Float64Array;
use serde::Serialize;

use crate::error::Result;
use crate::frame::{Frame, Kind};

/// More columns are not compared: the table of them could not be read.
const MOST: usize = 40;

/// Pearson's correlation of each two columns of numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Correlations {
    /// The names of the columns: the first forty of numbers.
    pub names: Vec<String>,
    /// For each column and each column before it the correlation over the rows where both are known; None where one of them
    /// does not change.
    pub values: Vec<Vec<Option<f64>>>,
}

impl Correlations {
    /// # Errors
    /// As [`Column::numbers`](crate::frame::Column::numbers).
    pub(super) fn of(frame: &Frame) -> Result<Self> {
        let columns: Vec<_> = frame.columns().iter().filter(|c| *c.kind() == Kind::Number).take(MOST).collect();
        let names = columns.iter().map(|column| column.name().to_owned()).collect();
        let numbers = columns.iter().map(|column| column.numbers()).collect::<Result<Vec<_>>>()?;
        let row = |i: usize| (0..i).map(|j| pearson(numbers[i], numbers[j])).collect();
        Ok(Correlations { names, values: (0..numbers.len()).map(row).collect() })
    }

    /// The correlation of two different columns.
    pub fn get(&self, a: usize, b: usize) -> Option<f64> {
        *self.values.get(a.max(b))?.get(a.min(b))?
    }
}

/// `cov(a, b) / (std(a) std(b))` over the rows where both are known.
fn pearson(a: &Float64Array, b: &Float64Array) -> Option<f64> {
    let both = || a.iter().zip(b).filter_map(|(a, b)| Some((a?, b?)));
    let n = both().count() as f64;
    let (mean_a, mean_b) = both().fold((0.0, 0.0), |(x, y), (a, b)| (x + a / n, y + b / n));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (x, y) in both() {
        let (x, y) = (x - mean_a, y - mean_b);
        (aa, bb, ab) = (aa + x * x, bb + y * y, ab + x * y);
    }
    let correlation = ab / (aa.sqrt() * bb.sqrt());
    correlation.is_finite().then(|| correlation.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Column;

    #[test]
    fn correlation_is_pearsons() {
        let a = Column::of_numbers("a", [Some(1.0), Some(2.0), Some(3.0), Some(5.0), None]);
        let b = Column::of_numbers("b", [Some(2.0), Some(1.0), Some(4.0), Some(3.0), Some(9.0)]);
        let c = Column::of_numbers("c", [Some(7.0); 5]);
        let correlations = Correlations::of(&Frame::new(vec![a, b, c]).unwrap()).unwrap();
        // numpy.corrcoef([1, 2, 3, 5], [2, 1, 4, 3])[0, 1]
        assert!((correlations.get(0, 1).unwrap() - 0.529_150_262_212_918).abs() < 1e-14);
        assert_eq!(correlations.get(2, 0), None);
    }
}
