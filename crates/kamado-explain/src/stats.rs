//! Means, intervals, ranks and small linear systems.

/// Mean and spread of a stream of numbers, from sums about the first (Chan, Golub and LeVeque 1983).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub(crate) n: usize,
    first: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let mut moments = Moments::default();
        numbers.iter().for_each(|&x| moments.add(x));
        moments
    }

    pub(crate) fn add(&mut self, x: f64) {
        if self.n == 0 {
            self.first = x;
        }
        let beyond = x - self.first;
        self.n += 1;
        self.sum += beyond;
        self.squares += beyond * beyond;
    }

    /// The mean of the numbers.
    pub(crate) fn mean(&self) -> f64 {
        self.first + self.sum / self.n.max(1) as f64
    }

    /// The standard deviation of the numbers.
    pub(crate) fn deviation(&self) -> f64 {
        if self.n < 2 {
            return 0.0;
        }
        let squares = self.squares - self.sum * self.sum / self.n as f64;
        (squares.max(0.0) / (self.n - 1) as f64).sqrt()
    }

    /// The standard error of the mean.
    pub(crate) fn standard_error(&self) -> f64 {
        self.deviation() / (self.n.max(1) as f64).sqrt()
    }
}

/// Half the width of the 95 % confidence interval of a mean.
pub(crate) fn half_width(moments: &Moments) -> f64 {
    if moments.n < 2 { 0.0 } else { student(moments.n - 1) * moments.standard_error() }
}

/// The quantile 0.975 of Student's t distribution, from Cornish and Fisher's expansion about the normal one; within 0.4
/// % from four degrees of freedom on.
pub(crate) fn student(freedom: usize) -> f64 {
    const EXACT: [f64; 4] = [12.706_204_736, 4.302_652_73, 3.182_446_305, 2.776_445_105];
    if let Some(exact) = freedom.checked_sub(1).and_then(|i| EXACT.get(i)) {
        return *exact;
    }
    let (z, v) = (1.959_963_984_540_054_f64, freedom.max(1) as f64);
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * v)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * v * v)
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * v.powi(3))
}

/// Ranks from 1; equal numbers share the mean of theirs.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|&&i| numbers[i] == numbers[order[start]]).count();
        let rank = start as f64 + 0.5 * (same as f64 + 1.0);
        order[start..start + same].iter().for_each(|&i| ranks[i] = rank);
        start += same;
    }
    ranks
}

/// Spearman's rank correlation over the places where one of the two is not 0: what is absent in both would only flatter
/// them.
pub(crate) fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let some = |(x, y): &(&f64, &f64)| **x != 0.0 || **y != 0.0;
    let (a, b): (Vec<f64>, Vec<f64>) = a.iter().zip(b).filter(some).unzip();
    spearman(&a, &b)
}

/// Spearman's rank correlation; 0 if one of the two is constant.
pub(crate) fn spearman(a: &[f64], b: &[f64]) -> f64 {
    pearson(&ranks(a), &ranks(b))
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().max(1) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y);
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// The inverse of a symmetric positive definite matrix `[n, n]`, by Cholesky's decomposition; a pivot that vanishes, as
/// where two columns are alike, is raised.
pub(crate) fn inverse(matrix: &[f64], n: usize) -> Vec<f64> {
    let mut l = matrix.to_vec();
    let least = (0..n).map(|i| matrix[i * n + i]).fold(0.0, f64::max) * 1e-12 + f64::MIN_POSITIVE;
    for j in 0..n {
        for k in 0..j {
            let factor = l[j * n + k];
            (j..n).for_each(|i| l[i * n + j] -= l[i * n + k] * factor);
        }
        let pivot = l[j * n + j].max(least).sqrt();
        (j..n).for_each(|i| l[i * n + j] /= pivot);
        l[j * n + j] = pivot;
    }
    let mut inverse = vec![0.0; n * n];
    let mut column = vec![0.0; n];
    for c in 0..n {
        for i in 0..n {
            let sum: f64 = (c..i).map(|k| l[i * n + k] * column[k]).sum();
            column[i] = if i < c { 0.0 } else { (f64::from(u8::from(i == c)) - sum) / l[i * n + i] };
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| l[k * n + i] * inverse[k * n + c]).sum();
            inverse[i * n + c] = (column[i] - sum) / l[i * n + i];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_ranks() {
        // R: qt(0.975, c(5, 10, 30, 100))
        for (freedom, t) in [(5, 2.570_582), (10, 2.228_139), (30, 2.042_272), (100, 1.983_972)] {
            assert!((student(freedom) - t).abs() < 0.004, "{freedom}: {}", student(freedom));
        }
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 0.0]), [3.5, 2.0, 3.5, 1.0]);
        assert!((spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 4.0, 9.0, 16.0]) - 1.0).abs() < 1e-15);
        // scipy.stats.spearmanr([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
        assert!((spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[2.0, 1.0, 4.0, 3.0, 5.0]) - 0.8).abs() < 1e-12);
        assert_eq!(spearman(&[1.0, 2.0], &[5.0, 5.0]), 0.0);
        assert_eq!(likeness(&[0.0, 0.0, 0.0, 1.0, 2.0], &[0.0, 0.0, 0.0, 2.0, 1.0]), -1.0);
    }

    #[test]
    fn an_inverse_times_its_matrix_is_one() {
        let a = [4.0, 1.0, 0.5, 1.0, 3.0, -0.25, 0.5, -0.25, 2.0];
        let b = inverse(&a, 3);
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| a[i * 3 + k] * b[k * 3 + j]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }
}
