//! LIME: a linear model of which parts are there, fitted near the example.
//!
//! Parts are kept or replaced by the baseline at random, each with probability one half; a copy that keeps `k` of `M`
//! parts weighs `exp(-d² / 0.25²)` with the cosine distance `d = 1 - √(k / M)`; ridge regression with an intercept and
//! penalty 1. The intervals come from the residuals.
//!
//! Source: Ribeiro et al., "Why should I trust you?", 2016, and `lime_image` of the package `lime` (kernel width,
//! penalty).

use kamado_graph::rng::Rng;

use super::game::Game;
use super::kernel_shap::add_outer;
use super::shapley::Values;
use crate::error::Result;
use crate::stats::inverse;

const KERNEL_WIDTH: f64 = 0.25;
const PENALTY: f64 = 1.0;
/// Copies between two looks at the clock.
const AT_ONCE: usize = 256;

/// The weight of each part from `samples` copies, or as many as there is time for.
pub(crate) fn values(game: &mut Game<'_>, samples: usize, seed: u64) -> Result<Values> {
    let m = game.players();
    let mut rng = Rng::new(seed, 3);
    let (mut there, mut worth): (Vec<bool>, Vec<f64>) = (Vec::new(), Vec::new());
    let samples = samples.max(2);
    while worth.len() < samples && m > 0 {
        if !worth.is_empty() && game.is_late() {
            break;
        }
        let now = AT_ONCE.min(samples - worth.len());
        let start = there.len();
        there.extend((0..now * m).map(|_| rng.next_u32() >> 31 == 1));
        if start == 0 {
            there[..m].fill(true);
        }
        worth.extend(game.worth(&there[start..])?);
    }
    let (values, error) = ridge(&there, &worth, m);
    Ok(Values { values, error, whole: worth.len() >= samples || m == 0 })
}

fn ridge(there: &[bool], worth: &[f64], m: usize) -> (Vec<f64>, Vec<f64>) {
    if m == 0 {
        return (Vec::new(), Vec::new());
    }
    let n = m + 1;
    let row = |c: usize| -> (Vec<f64>, f64) {
        let z: Vec<f64> = there[c * m..(c + 1) * m].iter().map(|&there| f64::from(u8::from(there))).collect();
        let distance = 1.0 - (z.iter().sum::<f64>() / m as f64).sqrt();
        (z.into_iter().chain([1.0]).collect(), (-(distance / KERNEL_WIDTH).powi(2)).exp())
    };
    let (mut a, mut b) = (vec![0.0; n * n], vec![0.0; n]);
    (0..m).for_each(|i| a[i * n + i] = PENALTY);
    for (c, y) in worth.iter().enumerate() {
        let (z, w) = row(c);
        add_outer(&mut a, &z, w);
        b.iter_mut().zip(&z).for_each(|(b, z)| *b += w * z * y);
    }
    let inverse = inverse(&a, n);
    let times = |v: &[f64]| -> Vec<f64> {
        inverse.chunks_exact(n).map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
    };
    let values = times(&b);
    let mut spread = vec![0.0; n];
    for (c, y) in worth.iter().enumerate() {
        let (mut z, w) = row(c);
        let residual = w * (y - z.iter().zip(&values).map(|(z, v)| z * v).sum::<f64>());
        z.iter_mut().for_each(|z| *z *= residual);
        spread.iter_mut().zip(times(&z)).for_each(|(s, x)| *s += x * x);
    }
    (values[..m].to_vec(), spread[..m].iter().map(|s| 1.96 * s.sqrt()).collect())
}
