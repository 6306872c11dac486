//! Integrated gradients: `(x - b) · ∫₀¹ ∇f(b + α (x - b)) dα`.
//!
//! The path is cut into pieces. On each, three Gauss-Legendre points give the integral and the middle one the answer
//! there, so that every piece is checked by itself: its integral must add up to the difference of the answers at its
//! ends. Pieces that do not are halved. On networks of ReLUs, whose gradient jumps, this closes in on the jumps; on
//! smooth ones, one round is mostly enough.
//!
//! Source: Sundararajan et al., "Axiomatic attribution for deep networks", 2017.

use std::time::Instant;

use super::{Found, fold};
use crate::error::Result;
use crate::network::{Network, Sampled};
use crate::sample::Sample;
use crate::target::Target;

/// The pieces of the first round.
const FIRST: usize = 8;
/// Points and weights of Gauss and Legendre on 0 to 1.
const POINTS: [(f64, f64); 3] =
    [(0.112_701_665_379_258_3, 5.0 / 18.0), (0.5, 8.0 / 18.0), (0.887_298_334_620_741_7, 5.0 / 18.0)];
/// A piece may miss by this share of what the whole path adds up to.
const PIECE: f64 = 1e-6;
/// The pieces may together miss by this share, once [`ENOUGH`] gradients were spent.
const TOGETHER: f64 = 5e-5;
const ENOUGH: usize = 192;
/// The most gradients of a path.
const MOST: usize = 4096;

/// Gradients along the path from each baseline to each example, averaged over baselines; `steps` asks for that many
/// points of Gauss and Legendre instead of the adaptive rule.
pub(crate) fn integrated(
    network: &mut Network,
    samples: &[&Sample],
    baselines: &[&Sample],
    targets: &[Target],
    steps: Option<usize>,
    deadline: Option<Instant>,
) -> Result<Vec<Found>> {
    let (points, starts) = (network.points(samples)?, network.points(baselines)?);
    let mut paths: Vec<Path<'_>> = Vec::new();
    for (i, x) in points.iter().enumerate() {
        for b in &starts {
            let (sample, target) = (samples[i], &targets[i]);
            paths.push(Path::new(sample, target, x, b));
        }
    }
    match steps {
        Some(steps) => fixed(network, &mut paths, steps)?,
        None => adaptive(network, &mut paths, deadline)?,
    }
    let count = starts.len().max(1) as f64;
    let found = paths.chunks(starts.len().max(1)).map(|paths| {
        let mut values = vec![0.0; network.dim()];
        for path in paths {
            let change = path.x.iter().zip(path.b).map(|(&x, &b)| f64::from(x) - f64::from(b));
            values.iter_mut().zip(&path.sum).zip(change).for_each(|((v, g), d)| *v += g * d / count);
        }
        let mean = |of: fn(&Path<'_>) -> f64| paths.iter().map(of).sum::<f64>() / count;
        Found {
            values: fold(network, &values),
            error: None,
            ends: Some((mean(|path| path.at_x), mean(|path| path.at_b))),
            converged: mean(|path| path.missed)
                <= 2.0 * TOGETHER * scale(mean(|path| path.at_x), mean(|path| path.at_b)),
        }
    });
    Ok(found.collect())
}

/// The way from a baseline to an example.
struct Path<'a> {
    sample: &'a Sample,
    target: &'a Target,
    x: &'a [f32],
    b: &'a [f32],
    at_x: f64,
    at_b: f64,
    /// The mean gradient of the pieces that add up.
    sum: Vec<f64>,
    /// That of those that do not, and how far they are off together.
    open: Vec<f64>,
    off: f64,
    spent: usize,
    /// How far pieces are off that were not halved any more.
    missed: f64,
}

/// A part of a path: its ends and the answers there.
#[derive(Clone, Copy)]
struct Piece {
    path: usize,
    ends: [f64; 2],
    answers: [f64; 2],
}

impl<'a> Path<'a> {
    fn new(sample: &'a Sample, target: &'a Target, x: &'a [f32], b: &'a [f32]) -> Self {
        let zeros = vec![0.0; x.len()];
        let (sum, open) = (zeros.clone(), zeros);
        Path { sample, target, x, b, at_x: 0.0, at_b: 0.0, sum, open, off: 0.0, spent: 0, missed: 0.0 }
    }

    fn point(&self, alpha: f64, to: &mut [f32]) {
        let numbers = self.x.iter().zip(self.b);
        to.iter_mut()
            .zip(numbers)
            .for_each(|(to, (&x, &b))| *to = (f64::from(b) + alpha * (f64::from(x) - f64::from(b))) as f32);
    }

    fn sampled(&self) -> Sampled<'_> {
        Sampled { sample: self.sample, direction: &self.target.direction }
    }

    /// What a sum may be off by, given what f32 resolves.
    fn scale(&self) -> f64 {
        scale(self.at_x, self.at_b)
    }
}

fn scale(at_x: f64, at_b: f64) -> f64 {
    (at_x - at_b).abs().max(1e-3 * at_x.abs().max(at_b.abs()))
}

/// Points of Gauss and Legendre, their number given.
fn fixed(network: &mut Network, paths: &mut [Path<'_>], steps: usize) -> Result<()> {
    let rule = gauss_legendre(steps.max(1));
    ends(network, paths, &[0.0, 1.0])?;
    let mut sums: Vec<Vec<f64>> = paths.iter().map(|path| path.sum.clone()).collect();
    let (steps, paths_ref) = (rule.len(), &*paths);
    network.gradients(
        paths.len() * steps,
        &|row| paths_ref[row / steps].sampled(),
        &mut |row, to| paths_ref[row / steps].point(rule[row % steps].0, to),
        &mut |row, _, gradient| {
            let weight = rule[row % steps].1;
            sums[row / steps].iter_mut().zip(gradient).for_each(|(s, &g)| *s += weight * f64::from(g));
        },
    )?;
    paths.iter_mut().zip(sums).for_each(|(path, sum)| path.sum = sum);
    Ok(())
}

/// The answers at places of each path; sets those at both ends.
fn ends(network: &mut Network, paths: &mut [Path<'_>], places: &[f64]) -> Result<Vec<f64>> {
    let (count, mut answers) = (places.len(), vec![0.0; paths.len() * places.len()]);
    let borrowed = &*paths;
    network.gradients(
        answers.len(),
        &|row| borrowed[row / count].sampled(),
        &mut |row, to| borrowed[row / count].point(places[row % count], to),
        &mut |row, score, _| answers[row] = borrowed[row / count].target.of(score),
    )?;
    for (path, answers) in paths.iter_mut().zip(answers.chunks_exact(count)) {
        (path.at_b, path.at_x) = (answers[0], answers[count - 1]);
        path.spent += count;
    }
    Ok(answers)
}

fn adaptive(network: &mut Network, paths: &mut [Path<'_>], deadline: Option<Instant>) -> Result<()> {
    let places: Vec<f64> = (0..=FIRST).map(|i| i as f64 / FIRST as f64).collect();
    let answers = ends(network, paths, &places)?;
    let mut pieces = Vec::new();
    for (path, answers) in answers.chunks_exact(places.len()).enumerate() {
        pieces.extend((0..FIRST).map(|i| Piece {
            path,
            ends: [places[i], places[i + 1]],
            answers: [answers[i], answers[i + 1]],
        }));
    }
    while !pieces.is_empty() {
        paths.iter_mut().for_each(|path| {
            path.open.fill(0.0);
            path.off = 0.0;
        });
        let halves = round(network, paths, &pieces)?;
        let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        // A path that is good enough, or has cost enough, keeps what it has.
        let ends: Vec<bool> = paths
            .iter()
            .map(|path| {
                let good = path.spent >= ENOUGH && path.off <= TOGETHER * path.scale();
                good || late || path.spent >= MOST
            })
            .collect();
        pieces = halves.into_iter().filter(|piece| !ends[piece.path]).collect();
        for (path, ended) in paths.iter_mut().zip(ends) {
            if ended || path.off == 0.0 {
                path.missed += path.off;
                path.sum.iter_mut().zip(&path.open).for_each(|(sum, open)| *sum += open);
                path.open.fill(0.0);
                path.off = 0.0;
            }
        }
    }
    Ok(())
}

/// Integrates over pieces; those that add up go to the sum of their path, the others are answered in halves.
fn round(network: &mut Network, paths: &mut [Path<'_>], pieces: &[Piece]) -> Result<Vec<Piece>> {
    let mut halves = Vec::new();
    let (dim, mut middle) = (network.dim(), 0.0);
    let mut integral = vec![0.0; dim];
    let borrowed = &*paths;
    let mut done: Vec<(usize, bool, f64)> = Vec::new();
    let mut sums: Vec<[Vec<f64>; 2]> = vec![[Vec::new(), Vec::new()]; paths.len()];
    network.gradients(
        pieces.len() * POINTS.len(),
        &|row| borrowed[pieces[row / 3].path].sampled(),
        &mut |row, to| {
            let Piece { path, ends: [from, until], .. } = pieces[row / 3];
            borrowed[path].point(from + (until - from) * POINTS[row % 3].0, to);
        },
        &mut |row, score, gradient| {
            let piece = pieces[row / 3];
            let (path, [from, until]) = (&borrowed[piece.path], piece.ends);
            let weight = POINTS[row % 3].1 * (until - from);
            match row % 3 {
                0 => integral.iter_mut().zip(gradient).for_each(|(s, &g)| *s = weight * f64::from(g)),
                _ => integral.iter_mut().zip(gradient).for_each(|(s, &g)| *s += weight * f64::from(g)),
            }
            if row % 3 == 1 {
                middle = path.target.of(score);
            }
            if row % 3 < 2 {
                return;
            }
            let change = path.x.iter().zip(path.b).map(|(&x, &b)| f64::from(x) - f64::from(b));
            let adds_up: f64 = integral.iter().zip(change).map(|(g, d)| g * d).sum();
            let [before, after] = piece.answers;
            let off = (adds_up - (after - before)).abs();
            // Neighbouring answers differ by less than f32 can tell.
            let noise = 4.0 * f64::from(f32::EPSILON) * before.abs().max(after.abs());
            let closed = off <= (PIECE * path.scale()).max(noise);
            if !closed {
                let half = 0.5 * (from + until);
                halves.push(Piece { path: piece.path, ends: [from, half], answers: [before, middle] });
                halves.push(Piece { path: piece.path, ends: [half, until], answers: [middle, after] });
            }
            done.push((piece.path, closed, off));
            let sum = &mut sums[piece.path][usize::from(!closed)];
            if sum.is_empty() {
                sum.resize(dim, 0.0);
            }
            sum.iter_mut().zip(&integral).for_each(|(sum, x)| *sum += x);
        },
    )?;
    for (path, [closed, open]) in paths.iter_mut().zip(sums) {
        path.sum.iter_mut().zip(closed).for_each(|(sum, x)| *sum += x);
        path.open.iter_mut().zip(open).for_each(|(sum, x)| *sum += x);
    }
    for (path, closed, off) in done {
        paths[path].spent += POINTS.len();
        paths[path].off += if closed { 0.0 } else { off };
    }
    Ok(halves)
}

/// Points and weights of Gauss and Legendre on 0 to 1, by Newton's method on Legendre's polynomial.
pub(crate) fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let root = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (mut before, mut p) = (1.0, x);
            for k in 2..=n {
                (before, p) = (p, ((2 * k - 1) as f64 * x * p - (k - 1) as f64 * before) / k as f64);
            }
            slope = if n == 1 { 1.0 } else { n as f64 * (x * p - before) / (x * x - 1.0) };
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        (0.5 * (1.0 - x), 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(root).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_gauss_and_legendre() {
        for n in [1, 2, 3, 20, 50] {
            let rule = gauss_legendre(n);
            // Exact for polynomials up to degree 2n - 1.
            for degree in 0..(2 * n).min(12) {
                let integral: f64 = rule.iter().map(|(x, w)| w * x.powi(degree as i32)).sum();
                assert!((integral - 1.0 / (degree as f64 + 1.0)).abs() < 1e-13, "{n} {degree} {integral}");
            }
        }
        for (found, known) in gauss_legendre(3).iter().zip(POINTS) {
            assert!((found.0 - known.0).abs() < 1e-14 && (found.1 - known.1).abs() < 1e-14);
        }
    }
}
