//! Gradient, input times gradient, and SmoothGrad.
//!
//! SmoothGrad is the mean gradient at `x + σ · noise`, with `σ` a share of the range of the example's numbers.
//!
//! Sources: Simonyan et al., "Deep inside convolutional networks", 2013; Shrikumar et al., 2016; Smilkov et al.,
//! "SmoothGrad: removing noise by adding noise", 2017.

use std::time::Instant;

use kamado_graph::rng::Rng;

use super::{Found, fold};
use crate::error::Result;
use crate::network::{Network, Sampled};
use crate::sample::Sample;
use crate::stats::{Moments, half_width};
use crate::target::Target;

/// The gradient at each example, multiplied by the example's numbers if so wanted.
pub(crate) fn gradients(
    network: &mut Network,
    samples: &[&Sample],
    targets: &[Target],
    times_input: bool,
) -> Result<Vec<Found>> {
    let points = network.points(samples)?;
    let mut all = Vec::with_capacity(samples.len());
    network.gradients(
        samples.len(),
        &|row| Sampled { sample: samples[row], direction: &targets[row].direction },
        &mut |row, point| point.copy_from_slice(&points[row]),
        &mut |row, _, gradient| {
            let point = gradient.iter().zip(&points[row]);
            all.push(
                point.map(|(&g, &x)| f64::from(g) * if times_input { f64::from(x) } else { 1.0 }).collect::<Vec<_>>(),
            );
        },
    )?;
    let found = |values: Vec<f64>| Found { values: fold(network, &values), converged: true, ..Found::default() };
    Ok(all.into_iter().map(found).collect())
}

/// How SmoothGrad samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Smooth {
    pub(crate) samples: usize,
    /// The standard deviation of the noise as a share of the range of the example's numbers.
    pub(crate) noise: f64,
    pub(crate) seed: u64,
    pub(crate) deadline: Option<Instant>,
}

/// The mean gradient at noisy copies of each example.
pub(crate) fn smooth(
    network: &mut Network,
    samples: &[&Sample],
    targets: &[Target],
    how: Smooth,
) -> Result<Vec<Found>> {
    let points = network.points(samples)?;
    let sigma: Vec<f64> = points.iter().map(|point| how.noise * range(point)).collect();
    let mut rngs: Vec<Rng> = (0..samples.len()).map(|_| Rng::new(how.seed, 4)).collect();
    let mut moments: Vec<Vec<Moments>> = vec![vec![Moments::default(); network.dim()]; samples.len()];
    let (mut done, mut step) = (0, how.samples.max(2));
    if how.deadline.is_some() {
        step = step.min(8);
    }
    while done < how.samples.max(2) {
        if done > 0 && how.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break;
        }
        let now = step.min(how.samples.max(2) - done);
        network.gradients(
            samples.len() * now,
            &|row| Sampled { sample: samples[row / now], direction: &targets[row / now].direction },
            &mut |row, point| {
                let sample = row / now;
                let (rng, sigma) = (&mut rngs[sample], sigma[sample]);
                normals(rng, point);
                point.iter_mut().zip(&points[sample]).for_each(|(to, &x)| *to = x + (sigma * f64::from(*to)) as f32);
            },
            &mut |row, _, gradient| {
                moments[row / now].iter_mut().zip(gradient).for_each(|(m, &g)| m.add(f64::from(g)));
            },
        )?;
        done += now;
    }
    let whole = done >= how.samples;
    let found = |moments: Vec<Moments>| {
        let of = |f: &dyn Fn(&Moments) -> f64| fold(network, &moments.iter().map(f).collect::<Vec<_>>());
        Found { values: of(&|m| m.mean()), error: Some(of(&half_width)), converged: whole, ends: None }
    };
    Ok(moments.into_iter().map(found).collect())
}

/// Fills a slice with standard normal numbers, two at a time (Box and Muller 1958).
pub(crate) fn normals(rng: &mut Rng, out: &mut [f32]) {
    for pair in out.chunks_mut(2) {
        let u = rng.next_u32() as f32 + 1.0;
        let radius = (-2.0 * (u / 4_294_967_296.0).ln()).max(0.0).sqrt();
        let angle = rng.next_u32() as f32 * (std::f32::consts::TAU / 4_294_967_296.0);
        let (sin, cos) = angle.sin_cos();
        pair[0] = radius * cos;
        if let Some(second) = pair.get_mut(1) {
            *second = radius * sin;
        }
    }
}

/// The greatest number minus the least.
pub(crate) fn range(numbers: &[f32]) -> f64 {
    let (least, most) = numbers.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
    if least < most { f64::from(most) - f64::from(least) } else { 0.0 }
}
