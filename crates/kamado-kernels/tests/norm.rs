//! Layer norm and RMS norm, and their gradients, against f64.

mod support;

use kamado_kernels::norm::{NormGradients, RowNorm, gradients, normalize};
use support::{assert_close, everywhere, noise};

const SHAPES: [(usize, usize); 12] =
    [(0, 4), (1, 1), (3, 2), (5, 7), (4, 31), (3, 32), (3, 33), (300, 10), (2, 513), (65, 300), (129, 512), (2, 5000)];

struct Exact {
    y: Vec<f64>,
    dx: Vec<f64>,
    dgamma: Vec<f64>,
    dbeta: Vec<f64>,
}

/// The formulas of the module, in f64.
fn exact(norm: RowNorm, x: &[f32], gamma: &[f32], beta: &[f32], dy: &[f32]) -> Exact {
    let columns = norm.columns;
    let mut all = Exact { y: vec![], dx: vec![], dgamma: vec![0.0; columns], dbeta: vec![0.0; columns] };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    for (x, dy) in x.chunks(columns).zip(dy.chunks(columns)) {
        let x: Vec<f64> = x.iter().map(|&x| x.into()).collect();
        let shift = if norm.centred { mean(&x) } else { 0.0 };
        let squares: Vec<_> = x.iter().map(|x| (x - shift).powi(2)).collect();
        let r = 1.0 / (mean(&squares) + f64::from(norm.epsilon)).sqrt();
        let x_hat: Vec<_> = x.iter().map(|x| (x - shift) * r).collect();
        let g: Vec<_> = dy.iter().zip(gamma).map(|(&dy, &gamma)| f64::from(dy) * f64::from(gamma)).collect();
        let slope = mean(&g.iter().zip(&x_hat).map(|(g, x)| g * x).collect::<Vec<_>>());
        let g_mean = if norm.centred { mean(&g) } else { 0.0 };
        for j in 0..columns {
            all.y.push(f64::from(gamma[j]) * x_hat[j] + f64::from(beta[j]));
            all.dx.push(r * (g[j] - g_mean - x_hat[j] * slope));
            all.dgamma[j] += f64::from(dy[j]) * x_hat[j];
            all.dbeta[j] += f64::from(dy[j]);
        }
    }
    all
}

#[test]
fn values_and_gradients() {
    for (rows, columns) in SHAPES {
        for centred in [true, false] {
            let norm = RowNorm { centred, epsilon: 1e-3, columns };
            let (x, dy) = (noise(1, rows * columns), noise(2, rows * columns));
            let (gamma, beta) = (noise(3, columns), noise(4, columns));
            let exact = exact(norm, &x, &gamma, &beta, &dy);
            let y = everywhere(|exec| {
                let mut y = vec![f32::NAN; x.len()];
                normalize(exec, norm, &x, &gamma, Some(&beta), &mut y);
                y
            });
            assert_close(&y, &exact.y, 2e-6);
            let want = |dx: bool, dgamma: bool, dbeta: bool| {
                everywhere(|exec| {
                    let size = |wanted, n| if wanted { n } else { 0 };
                    let mut all = vec![f32::NAN; size(dx, x.len()) + size(dgamma, columns) + size(dbeta, columns)];
                    let (to_x, rest) = all.split_at_mut(size(dx, x.len()));
                    let (to_gamma, to_beta) = rest.split_at_mut(size(dgamma, columns));
                    let to = NormGradients { dx: to_x, dgamma: to_gamma, dbeta: to_beta };
                    gradients(exec, norm, &x, &gamma, &dy, to, &mut vec![f32::NAN; norm.scratch(x.len())]);
                    all
                })
            };
            // Relative to the largest slope, 1/√ε.
            let all = [&exact.dx[..], &exact.dgamma, &exact.dbeta].concat();
            assert_close(&want(true, true, true), &all, 1e-5);
            assert_close(&want(true, false, false), &exact.dx, 1e-5);
            assert_close(&want(false, true, false), &exact.dgamma, 1e-5);
            assert_close(&want(false, false, true), &exact.dbeta, 1e-5);
        }
    }
}

#[test]
fn a_large_mean_does_not_hide_the_variance() {
    let norm = RowNorm { centred: true, epsilon: 1e-6, columns: 4 };
    let y = everywhere(|exec| {
        let mut y = vec![0.0; 4];
        normalize(exec, norm, &[4096.0, 4097.0, 4096.0, 4097.0], &[1.0; 4], None, &mut y);
        y
    });
    assert_close(&y, &[-1.0, 1.0, -1.0, 1.0], 1e-5);
}
