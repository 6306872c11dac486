//! A plain linear classifier, for probabilities that need no network.

use crate::table::Table;

/// Steps at most.
const STEPS: usize = 300;

/// The largest component of the gradient at which it has arrived.
const ARRIVED: f64 = 1e-6;

/// `p = softmax(x W + b)` with the least mean cross-entropy plus `|W|^2 / (2 n)`: scikit-learn's `LogisticRegression`
/// with its usual `C = 1`.
pub(super) struct SoftmaxRegression {
    /// For each class the weights, then the bias.
    weights: Vec<f32>,
    classes: usize,
}

impl SoftmaxRegression {
    /// Fits to `rows` of `table` by accelerated gradient descent that starts again where momentum leads uphill.
    ///
    /// Source: O'Donoghue and Candès, "Adaptive restart for accelerated gradient schemes", 2015.
    pub(super) fn fit(table: &Table, given: &[usize], classes: usize, rows: &[usize]) -> Self {
        let size = classes * (table.width + 1);
        let squares = |row: usize| table.row(row).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
        let n = rows.len().max(1) as f64;
        // The curvature of the cross-entropy is at most half the mean of |x|^2.
        let curvature = rows.iter().map(|&row| squares(row) + 1.0).sum::<f64>() / n / 2.0 + 1.0 / n;
        let (mut here, mut ahead, mut momentum) = (vec![0.0f64; size], vec![0.0f64; size], 1.0f64);
        for _ in 0..STEPS {
            let model = SoftmaxRegression { weights: ahead.iter().map(|&w| w as f32).collect(), classes };
            let mut gradient = model.gradient(table, given, rows);
            for (i, g) in gradient.iter_mut().enumerate() {
                let is_bias = i % (table.width + 1) == table.width;
                *g = (*g + if is_bias { 0.0 } else { ahead[i] }) / n;
            }
            if gradient.iter().all(|g| g.abs() < ARRIVED) {
                break;
            }
            let next: Vec<f64> = ahead.iter().zip(&gradient).map(|(w, g)| w - g / curvature).collect();
            let uphill = gradient.iter().zip(next.iter().zip(&here)).map(|(g, (b, a))| g * (b - a)).sum::<f64>() > 0.0;
            let faster = if uphill { 1.0 } else { (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0 };
            let push = if uphill { 0.0 } else { (momentum - 1.0) / faster };
            ahead = next.iter().zip(&here).map(|(b, a)| b + push * (b - a)).collect();
            (here, momentum) = (next, faster);
        }
        SoftmaxRegression { weights: here.iter().map(|&w| w as f32).collect(), classes }
    }

    /// The probability of each class.
    pub(super) fn probabilities(&self, row: &[f32]) -> Vec<f32> {
        let mut p = vec![0.0; self.classes];
        self.write_probabilities(row, &mut p);
        p
    }

    fn write_probabilities(&self, row: &[f32], p: &mut [f32]) {
        for (p, weights) in p.iter_mut().zip(self.weights.chunks_exact(row.len() + 1)) {
            *p = row.iter().zip(weights).map(|(x, w)| x * w).sum::<f32>() + weights[row.len()];
        }
        let most = p.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        p.iter_mut().for_each(|p| *p = (*p - most).exp());
        let sum: f32 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= sum);
    }

    /// The sum of the gradients of the cross-entropy of the rows.
    fn gradient(&self, table: &Table, given: &[usize], rows: &[usize]) -> Vec<f64> {
        let mut total = vec![0.0f64; self.weights.len()];
        let (mut block, mut p) = (vec![0.0f32; self.weights.len()], vec![0.0f32; self.classes]);
        // In f32 over few rows, so that the sum of many does not lose what single rows add.
        for rows in rows.chunks(256) {
            block.fill(0.0);
            for &row in rows {
                let x = table.row(row);
                self.write_probabilities(x, &mut p);
                p[given[row]] -= 1.0;
                for (&p, gradient) in p.iter().zip(block.chunks_exact_mut(x.len() + 1)) {
                    gradient.iter_mut().zip(x).for_each(|(g, x)| *g += p * x);
                    gradient[x.len()] += p;
                }
            }
            total.iter_mut().zip(&block).for_each(|(total, &g)| *total += f64::from(g));
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_match_scikit_learn() {
        let all: serde_json::Value = serde_json::from_str(include_str!("../../fixtures/clean.json")).unwrap();
        let matrix = |key: &str| -> Vec<Vec<f32>> { serde_json::from_value(all["label_noise"][key].clone()).unwrap() };
        let given: Vec<usize> = serde_json::from_value(all["label_noise"]["given"].clone()).unwrap();
        let (x, wanted) = (matrix("x"), matrix("probabilities"));
        let table = Table { rows: x.len(), width: x[0].len(), data: x.concat(), ..Table::default() };
        let rows: Vec<usize> = (0..x.len()).collect();
        let model = SoftmaxRegression::fit(&table, &given, 3, &rows);
        for (x, wanted) in x.iter().zip(&wanted) {
            for (found, wanted) in model.probabilities(x).iter().zip(wanted) {
                assert!((found - wanted).abs() < 2e-5, "{found} for {wanted}");
            }
        }
    }
}
