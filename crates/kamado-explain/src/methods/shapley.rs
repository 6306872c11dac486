//! Shapley values: exact over all coalitions, or sampled with confidence intervals.
//!
//! `φᵢ = Σ_S |S|! (M - |S| - 1)! / M! · (v(S ∪ i) - v(S))` over the coalitions without player `i`. Sampled: the mean,
//! over pairs of an order of the players and its reverse, of what player `i` adds to those before; each pair draws one
//! of the baselines. Pairs are independent, so that their spread gives the interval.
//!
//! Sources: Shapley, "A value for n-person games", 1953; Castro et al., 2009; Mitchell et al., "Sampling permutations
//! for Shapley value estimation", 2022 (antithetic pairs).

use kamado_graph::rng::Rng;

use super::game::Game;
use crate::error::Result;
use crate::stats::{Moments, half_width};

/// The most players for which all coalitions are asked.
pub(crate) const EXACT: usize = 12;
/// Pairs of orders between two looks at the clock.
const AT_ONCE: usize = 8;

/// A value for each player, and half the width of its 95 % interval; 0 if it is exact.
pub(crate) struct Values {
    pub(crate) values: Vec<f64>,
    pub(crate) error: Vec<f64>,
    /// Whether it was not cut short by the clock.
    pub(crate) whole: bool,
}

/// The values from all coalitions.
pub(crate) fn exact(game: &mut Game<'_>) -> Result<Values> {
    let m = game.players();
    let coalitions = 1usize << m;
    let there: Vec<bool> = (0..coalitions).flat_map(|set| (0..m).map(move |i| set >> i & 1 == 1)).collect();
    let worth = if m == 0 { Vec::new() } else { game.worth(&there)? };
    // |S|! (m - |S| - 1)! / m! = 1 / (m · C(m - 1, |S|))
    let mut weights = vec![1.0 / m.max(1) as f64; m];
    for size in 1..m {
        weights[size] = weights[size - 1] * size as f64 / (m - size) as f64;
    }
    let value = |i: usize| -> f64 {
        let without = (0..coalitions).filter(|set| set >> i & 1 == 0);
        without.map(|set| weights[set.count_ones() as usize] * (worth[set | 1 << i] - worth[set])).sum()
    };
    Ok(Values { values: (0..m).map(value).collect(), error: vec![0.0; m], whole: true })
}

/// The values from `pairs` pairs of orders, or as many as there is time for, at least eight.
pub(crate) fn sampled(game: &mut Game<'_>, pairs: usize, seed: u64) -> Result<Values> {
    let m = game.players();
    let mut rng = Rng::new(seed, 1);
    let mut moments = vec![Moments::default(); m];
    let (mut done, mut whole) = (0, true);
    while done < pairs && m > 0 {
        if done >= AT_ONCE && game.is_late() {
            whole = false;
            break;
        }
        let now = AT_ONCE.min(pairs - done);
        let orders: Vec<Vec<usize>> = (0..now).map(|_| shuffled(m, &mut rng)).collect();
        let baselines: Vec<usize> = (0..now).map(|_| rng.below(game.baselines.len() as u64) as usize).collect();
        pairs_of(game, &orders, &baselines, &mut moments)?;
        done += now;
    }
    let values = moments.iter().map(|moments| moments.mean()).collect();
    Ok(Values { values, error: moments.iter().map(half_width).collect(), whole })
}

fn shuffled(m: usize, rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..m).collect();
    rng.shuffle(&mut order);
    order
}

/// Adds what each player adds in some orders and their reverses.
fn pairs_of(game: &mut Game<'_>, orders: &[Vec<usize>], baselines: &[usize], moments: &mut [Moments]) -> Result<()> {
    let m = game.players();
    let (mut there, mut with) = (Vec::new(), Vec::new());
    for (order, &baseline) in orders.iter().zip(baselines) {
        for forwards in [true, false] {
            let mut coalition = vec![false; m];
            there.extend_from_slice(&coalition);
            for step in 0..m {
                coalition[order[if forwards { step } else { m - 1 - step }]] = true;
                there.extend_from_slice(&coalition);
            }
            with.extend(std::iter::repeat_n(baseline, m + 1));
        }
    }
    let worth = game.worth_with(&there, &with)?;
    for (order, worth) in orders.iter().zip(worth.chunks_exact(2 * (m + 1))) {
        let (forwards, backwards) = worth.split_at(m + 1);
        for (step, &player) in order.iter().enumerate() {
            let back = m - 1 - step;
            let mean = 0.5 * (forwards[step + 1] - forwards[step] + backwards[back + 1] - backwards[back]);
            moments[player].add(mean);
        }
    }
    Ok(())
}
