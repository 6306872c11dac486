//! KernelSHAP: Shapley values by weighted least squares over coalitions.
//!
//! `φ = argmin Σ_S w(|S|) (v(S) - v(∅) - Σ_{i ∈ S} φᵢ)²` with `Σφ = v(all) - v(∅)` and
//! `w(s) = (M - 1) / (C(M, s) s (M - s))`. Sizes of coalitions are taken whole, from both ends, while the budget allows;
//! the rest of it is drawn by weight, each coalition with its complement. The intervals come from the residuals of what
//! was drawn.
//!
//! Source: Lundberg and Lee, "A unified approach to interpreting model predictions", 2017, and the package `shap`.

use std::collections::HashMap;

use kamado_graph::rng::Rng;

use super::game::Game;
use super::shapley::Values;
use crate::error::Result;
use crate::stats::inverse;

/// The number of coalitions, as in the package `shap`: `2M + 2048`.
pub(crate) fn default_samples(players: usize) -> usize {
    2 * players + 2048
}

/// Coalitions and their weights.
struct Coalitions {
    m: usize,
    there: Vec<bool>,
    weights: Vec<f64>,
    /// How many of them, the first, are not drawn but all of their size.
    whole: usize,
}

/// The values from about `samples` coalitions.
pub(crate) fn values(game: &mut Game<'_>, samples: usize, seed: u64) -> Result<Values> {
    let m = game.players();
    if m < 2 {
        return super::shapley::exact(game);
    }
    let coalitions = choose(m, samples.max(2 * m), seed);
    let ends: Vec<bool> = std::iter::repeat_n(false, m).chain(std::iter::repeat_n(true, m)).collect();
    let ends = game.worth(&ends)?;
    let step = (game.network.batch() * 16 / game.baselines.len()).clamp(16, 4096);
    let mut worth = Vec::with_capacity(coalitions.weights.len());
    for part in coalitions.there.chunks(step * m) {
        if worth.len() >= 2 * m && game.is_late() {
            break;
        }
        worth.extend(game.worth(part)?);
    }
    let whole = worth.len() == coalitions.weights.len();
    let (values, error) = solve(&coalitions, &worth, ends[0], ends[1] - ends[0]);
    Ok(Values { values, error, whole })
}

/// All coalitions of the sizes that fit, and draws of the others.
fn choose(m: usize, budget: usize, seed: u64) -> Coalitions {
    let sizes = m / 2;
    // The weight of all coalitions of a size and of its complement.
    let mut mass: Vec<f64> = (1..=sizes).map(|s| (m - 1) as f64 / (s * (m - s)) as f64 * twice(m, s)).collect();
    let total: f64 = mass.iter().sum();
    mass.iter_mut().for_each(|mass| *mass /= total);
    let mut chosen = Coalitions { m, there: Vec::new(), weights: Vec::new(), whole: 0 };
    let (mut left, mut size) = (budget, 1);
    while size <= sizes {
        let count = binomial(m, size) * twice(m, size);
        let remaining: f64 = mass[size - 1..].iter().sum();
        if left as f64 * mass[size - 1] / remaining < count - 1e-8 {
            break;
        }
        each_subset(m, size, |set| chosen.push(set, mass[size - 1] / count, m != 2 * size));
        left -= (count as usize).min(left);
        size += 1;
    }
    chosen.whole = chosen.weights.len();
    if size <= sizes {
        draw(&mut chosen, &mass, size, left, seed);
    }
    chosen
}

/// 2 where a size differs from that of the complement.
fn twice(m: usize, size: usize) -> f64 {
    if 2 * size == m { 1.0 } else { 2.0 }
}

fn binomial(n: usize, k: usize) -> f64 {
    (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64).round()
}

fn each_subset(m: usize, size: usize, mut visit: impl FnMut(&[usize])) {
    let mut set: Vec<usize> = (0..size).collect();
    loop {
        visit(&set);
        let Some(i) = (0..size).rev().find(|&i| set[i] < m - size + i) else { return };
        set[i] += 1;
        (i + 1..size).for_each(|j| set[j] = set[j - 1] + 1);
    }
}

impl Coalitions {
    fn push(&mut self, set: &[usize], weight: f64, both: bool) {
        let start = self.there.len();
        self.there.resize(start + self.m, false);
        set.iter().for_each(|&i| self.there[start + i] = true);
        self.weights.push(weight);
        if both {
            let complement: Vec<bool> = self.there[start..].iter().map(|there| !there).collect();
            self.there.extend(complement);
            self.weights.push(weight);
        }
    }
}

/// Draws coalitions of `first` players and more, each with its complement, that share the weight of their sizes.
fn draw(chosen: &mut Coalitions, mass: &[f64], first: usize, budget: usize, seed: u64) {
    let (m, mut rng) = (chosen.m, Rng::new(seed, 2));
    let remaining: f64 = mass[first - 1..].iter().sum();
    let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
    let (mut drawn, mut counts, mut order) = (0.0, Vec::new(), (0..m).collect::<Vec<usize>>());
    // Draws of what was drawn before cost nothing but must end.
    for _ in 0..4 * budget {
        if 2 * counts.len() + 2 > budget {
            break;
        }
        let mut point = rng.uniform() * remaining;
        let size = (first..=mass.len()).find(|size| {
            point -= mass[size - 1];
            point < 0.0
        });
        let size = size.unwrap_or(mass.len());
        (0..size).for_each(|i| order.swap(i, i + rng.below((m - i) as u64) as usize));
        let mut set = order[..size].to_vec();
        set.sort_unstable();
        // Of two complements of half the players each, one stands for both.
        if 2 * size == m && set[0] != 0 {
            set = (0..m).filter(|i| !set.contains(i)).collect();
        }
        drawn += 1.0;
        let next = counts.len();
        match *known.entry(set.clone()).or_insert(next) {
            before if before < next => counts[before] += 1.0,
            _ => {
                counts.push(1.0);
                chosen.push(&set, 0.0, true);
            }
        }
    }
    for (pair, count) in counts.iter().enumerate() {
        let weight = remaining * count / (2.0 * f64::max(drawn, 1.0));
        (0..2).for_each(|i| chosen.weights[chosen.whole + 2 * pair + i] = weight);
    }
}

/// Least squares with the sum of the values given: the last player's value is what the others leave.
fn solve(coalitions: &Coalitions, worth: &[f64], base: f64, total: f64) -> (Vec<f64>, Vec<f64>) {
    let (m, n) = (coalitions.m, coalitions.m - 1);
    let row = |c: usize, z: &mut [f64]| -> f64 {
        let there = &coalitions.there[c * m..(c + 1) * m];
        let last = f64::from(u8::from(there[n]));
        z.iter_mut().zip(there).for_each(|(z, &there)| *z = f64::from(u8::from(there)) - last);
        worth[c] - base - last * total
    };
    let (mut a, mut b, mut z) = (vec![0.0; n * n], vec![0.0; n], vec![0.0; n]);
    for (c, &w) in coalitions.weights.iter().enumerate().take(worth.len()) {
        let y = row(c, &mut z);
        add_outer(&mut a, &z, w);
        b.iter_mut().zip(&z).for_each(|(b, z)| *b += w * z * y);
    }
    let inverse = inverse(&a, n);
    let times = |v: &[f64]| -> Vec<f64> {
        inverse.chunks_exact(n).map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
    };
    let mut values = times(&b);
    // The spread of A⁻¹ Σ w r z over pairs of drawn coalitions, which belong together.
    let mut spread = vec![0.0; m];
    let mut score = vec![0.0; n];
    for pair in (coalitions.whole..worth.len().saturating_sub(1)).step_by(2) {
        score.fill(0.0);
        for c in [pair, pair + 1] {
            let y = row(c, &mut z);
            let residual = y - z.iter().zip(&values).map(|(z, v)| z * v).sum::<f64>();
            score.iter_mut().zip(&z).for_each(|(s, z)| *s += coalitions.weights[c] * residual * z);
        }
        let moved = times(&score);
        spread.iter_mut().zip(&moved).for_each(|(s, x)| *s += x * x);
        spread[n] += moved.iter().sum::<f64>().powi(2);
    }
    values.push(total - values.iter().sum::<f64>());
    (values, spread.iter().map(|s| 1.96 * s.sqrt()).collect())
}

pub(super) fn add_outer(a: &mut [f64], z: &[f64], w: f64) {
    for (row, &zi) in a.chunks_exact_mut(z.len()).zip(z) {
        if zi != 0.0 {
            row.iter_mut().zip(z).for_each(|(a, zj)| *a += w * zi * zj);
        }
    }
}
