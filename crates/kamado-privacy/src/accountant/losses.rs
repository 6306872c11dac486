//! One step's privacy losses on a grid: once made worse than they are, once better.

use crate::gaussian::upper_tail;
use crate::mechanism::Pair;

/// Places and weights of Gauss's integration with three points on -1 to 1.
const NODES: [(f64, f64); 3] =
    [(-0.774_596_669_241_483_4, 5.0 / 9.0), (0.0, 8.0 / 9.0), (0.774_596_669_241_483_4, 5.0 / 9.0)];
/// Pieces of an integral are this much shorter than the length in which its integrand hardly bends.
const PIECES: f64 = 8.0;

/// The probability of each loss `offset + i * interval`.
#[derive(Clone, Debug)]
pub(super) struct Losses {
    pub(super) offset: f64,
    pub(super) probabilities: Vec<f64>,
    /// The most that the probability of a greater loss can be.
    pub(super) beyond: f64,
}

/// Worse: an outcome with a loss between two points of the grid becomes one of both, such that the probabilities on both
/// data sets stay what they are. The hockey-stick divergence then is that of the step at every point of the grid, and its
/// chord, as a function of `exp(epsilon)`, between them: nowhere less, since it is convex.
///
/// Source: V. Doroshenko, B. Ghazi, P. Kamath, R. Kumar, P. Manurangsi, "Connect the dots: tighter discrete approximations
/// of privacy loss distributions", PETS 2022.
pub(super) fn worse(pair: &Pair, interval: f64, z: f64) -> Losses {
    let (low, high) = pair.support(z);
    let index = |x: f64| (pair.loss(x) / interval).floor() as i64;
    let (first, last) = (index(low), index(high));
    let mut probabilities = vec![0.0; (last - first + 2) as usize];
    let mut start = low;
    for i in first..=last {
        let end = if i == last { high } else { pair.place((i + 1) as f64 * interval).clamp(start, high) };
        let loss = i as f64 * interval;
        // (P - exp(loss) Q) / (1 - exp(-interval)) goes up, the rest of P down.
        let [mass, excess] = integrals(pair, start, end, loss);
        let up = (excess / -(-interval).exp_m1()).clamp(0.0, mass);
        let place = (i - first) as usize;
        probabilities[place] += mass - up;
        probabilities[place + 1] += up;
        start = end;
    }
    // What is below the support cannot have a greater loss than its start.
    let beyond = upper_tail(z);
    probabilities[0] += beyond;
    Losses { offset: first as f64 * interval, probabilities, beyond }
}

/// Better: outcomes are put together into cells that have a loss on the grid. To forget which outcome of a cell it was is
/// post-processing, which can only improve privacy. For [`Direction::Remove`](crate::Direction) only, where losses grow
/// without end: near a greatest loss there are no such cells.
pub(super) fn better(pair: &Pair, interval: f64, z: f64) -> Losses {
    let (low, high) = pair.support(z);
    let (least, most) = (pair.loss(low), pair.loss(high));
    let mut probabilities = vec![0.0; ((most - least) / interval).ceil() as usize + 2];
    // Where the example hardly weighs all losses are nearly the same. They are the first cell, and the grid starts at its loss.
    let mut start = pair.place(least + 0.5 * interval).min(high);
    let [mass, excess] = integrals(pair, low, start, least);
    let offset = least - (-excess / mass).ln_1p();
    probabilities[0] = mass;
    while start < high {
        // Not a point that is too near, so that errors cannot build up.
        let i = ((pair.loss(start) - offset) / interval + 0.25).ceil();
        let Some((end, mass)) = cell(pair, start, high, offset + i * interval) else { break };
        if let Some(probability) = probabilities.get_mut(i as usize) {
            *probability += mass;
        }
        start = end;
    }
    Losses { offset, probabilities, beyond: upper_tail(z) }
}

/// The end and the mass of the cell from `start` whose loss is `loss`; None if it would end beyond `high`.
fn cell(pair: &Pair, start: f64, high: f64, loss: f64) -> Option<(f64, f64)> {
    // The excess of P over exp(loss) Q falls to where the loss is that of the cell, and then grows: its zero is sought.
    let bottom = pair.place(loss);
    if bottom >= high {
        return None;
    }
    let [mass, deficit] = integrals(pair, start, bottom, loss);
    let (mut low, mut most) = (bottom, high);
    let mut end = pair.place(2.0 * loss - pair.loss(start)).clamp(low, most);
    for _ in 0..60 {
        let [beyond, excess] = integrals(pair, bottom, end, loss);
        let error = deficit + excess;
        if error.abs() <= -1e-9 * deficit {
            return Some((end, mass + beyond));
        }
        if error > 0.0 {
            most = end
        } else {
            low = end
        }
        let at = pair.loss(end);
        let slope = -(loss - at).exp_m1() * pair.log_density(end, at).exp();
        let next = end - error / slope;
        end = if next > low && next < most { next } else { low.midpoint(most) };
    }
    None
}

/// The mass of P from `start` to `end`, and its excess over `exp(loss)` times that of Q.
fn integrals(pair: &Pair, start: f64, end: f64, loss: f64) -> [f64; 2] {
    let pieces = ((end - start) * PIECES / pair.smooth_length()).ceil().max(1.0);
    let half = 0.5 * (end - start) / pieces;
    let (mut mass, mut excess) = (0.0, 0.0);
    for piece in 0..pieces as usize {
        let middle = start + (2 * piece + 1) as f64 * half;
        for (node, weight) in NODES {
            let x = middle + node * half;
            let at = pair.loss(x);
            let part = weight * half * pair.log_density(x, at).exp();
            mass += part;
            excess -= part * (loss - at).exp_m1();
        }
    }
    [mass, excess]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian::one_step_delta;
    use crate::mechanism::{Direction, SampledGaussian};

    fn delta(losses: &Losses, interval: f64, epsilon: f64) -> f64 {
        let at = |(i, p): (usize, &f64)| p * -(epsilon - losses.offset - i as f64 * interval).exp_m1().min(0.0);
        losses.probabilities.iter().enumerate().map(at).sum()
    }

    #[test]
    fn the_truth_of_a_step_lies_between() {
        for (q, sigma) in [(0.01, 1.0), (0.3, 0.6), (1.0, 2.0), (1e-3, 0.5)] {
            for direction in [Direction::Add, Direction::Remove] {
                let mechanism = SampledGaussian::new(q, sigma).unwrap();
                let pair = Pair { mechanism, direction };
                let interval = 1e-4;
                let high = worse(&pair, interval, 8.0);
                let low = (direction == Direction::Remove).then(|| better(&pair, interval, 8.0));
                for epsilon in [-0.5, 0.0, 0.003_3, 0.1005, 0.5007, 1.2003] {
                    let truth = one_step_delta(&mechanism, direction, epsilon);
                    let high = delta(&high, interval, epsilon);
                    assert!(truth <= high + 1e-13, "{q} {sigma} {direction:?} {epsilon}: {truth} > {high}");
                    assert!(high - truth < 1e-3 * truth + 1e-6, "{q} {sigma} {direction:?} {epsilon}: {truth} {high}");
                    let Some(low) = &low else { continue };
                    let low = delta(low, interval, epsilon);
                    assert!(low <= truth + 1e-13, "{q} {sigma} {epsilon}: {low} > {truth}");
                    assert!(truth - low < 1e-3 * truth + 1e-6, "{q} {sigma} {epsilon}: {low} {truth}");
                }
            }
        }
    }
}
