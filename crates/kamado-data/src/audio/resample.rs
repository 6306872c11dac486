//! Another sampling rate, by a windowed sinc.
//!
//! `y(n) = Σ_k x(k) h(n · from / to - k)` with `h(t) = c · sinc(c t) · kaiser(t / w)`: an ideal low pass at `c = 0.95 ·
//! min(1, to / from)` of the highest frequency of the input, cut at 32 zeros to either side by a Kaiser window with
//! β = 9 (about 90 dB).
//!
//! Source: J. O. Smith, "Digital audio resampling", Center for Computer Research in Music and Acoustics, Stanford, 2002.

use super::sound::MOST_SAMPLES;
use crate::error::{DataError, Result};

const ROLLOFF: f64 = 0.95;
const ZEROS: f64 = 32.0;
const BETA: f64 = 9.0;
/// Rates that are believed.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;
/// Between so many places from one sample to the next the filter is as good as straight (an error of 4e-7).
const MOST_PHASES: usize = 1024;
const MOST_TAPS: usize = 1 << 22;

/// From one sampling rate to another.
#[derive(Clone, Debug)]
pub struct Resampler {
    from: u32,
    to: u32,
    phases: usize,
    reach: usize,
    /// `phases + 1` filters of `2 * reach` taps: for a place `p / phases` behind a sample.
    filters: Vec<f32>,
}

impl Resampler {
    /// From `from` to `to` samples in a second.
    ///
    /// # Errors
    /// If a rate is not 1,000 to 768,000 Hz.
    pub fn new(from: u32, to: u32) -> Result<Self> {
        if let Some(rate) = [from, to].into_iter().find(|rate| !RATES.contains(rate)) {
            let problem = format!("cannot bring a sound of {from} Hz to {to} Hz: {rate} Hz is no usual rate");
            return Err(DataError::request(problem, "Give sounds of 1,000 to 768,000 samples in a second"));
        }
        let shrink = (f64::from(to) / f64::from(from)).min(1.0);
        let half = ZEROS / shrink;
        let reach = half.ceil() as usize;
        let exact = (to / gcd(from, to)) as usize;
        let phases = exact.min(MOST_PHASES).min(MOST_TAPS / (2 * reach)).max(1);
        let cutoff = ROLLOFF * shrink;
        let tap = |phase: usize, k: usize| {
            let t = phase as f64 / phases as f64 + reach as f64 - 1.0 - k as f64;
            (cutoff * sinc(cutoff * t) * kaiser(t / half)) as f32
        };
        let filters = (0..=phases).flat_map(|phase| (0..2 * reach).map(move |k| tap(phase, k))).collect();
        Ok(Resampler { from, to, phases, reach, filters })
    }

    /// Whether it goes from `from` to `to`.
    pub(super) fn is(&self, from: u32, to: u32) -> bool {
        (self.from, self.to) == (from, to)
    }

    /// Writes `samples` at the other rate to `out`, `ceil(samples · to / from)` of them. Before and after a sound is
    /// silence.
    ///
    /// # Errors
    /// If that would be more than 2^26 samples.
    pub fn resample(&self, samples: &[f32], out: &mut Vec<f32>) -> Result<()> {
        let (from, to) = (u64::from(self.from), u64::from(self.to));
        let len = (samples.len() as u64).saturating_mul(to).div_ceil(from);
        if len > MOST_SAMPLES as u64 {
            let problem = format!("a sound of {} samples is too long to be brought to {to} Hz", samples.len());
            return Err(DataError::request(problem, "Cut it into shorter sounds, or choose a lower rate"));
        }
        let mut padded = vec![0.0; samples.len() + 2 * self.reach];
        padded[self.reach - 1..][..samples.len()].copy_from_slice(samples);
        let width = 2 * self.reach;
        out.clear();
        out.extend((0..len).map(|n| {
            let (at, behind) = ((n * from / to) as usize, n * from % to * self.phases as u64);
            let (phase, between) = ((behind / to) as usize, (behind % to) as f32 / to as f32);
            let near = &padded[at..at + width];
            let filter = |phase: usize| &self.filters[phase * width..][..width];
            let here = dot(near, filter(phase));
            if between > 0.0 { here + between * (dot(near, filter(phase + 1)) - here) } else { here }
        }));
        Ok(())
    }
}

/// In eight sums, which the compiler keeps in one register.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (x, y))| *sum += x * y);
    }
    sums.iter().sum::<f32>() + rest
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn sinc(x: f64) -> f64 {
    let x = std::f64::consts::PI * x;
    if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
}

/// The Kaiser window, 1 in the middle, over -1 to 1.
fn kaiser(x: f64) -> f64 {
    if x.abs() > 1.0 { 0.0 } else { bessel_i0(BETA * (1.0 - x * x).sqrt()) / bessel_i0(BETA) }
}

/// The modified Bessel function of the first kind of order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}
