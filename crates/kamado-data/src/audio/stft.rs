//! The power of every frequency over time.

use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlannerScalar};

/// Frames of `fft_length` samples, one every `stride`, under a Hann window.
pub(super) struct Stft {
    fft: Arc<dyn Fft<f32>>,
    window: Vec<f32>,
    stride: usize,
}

/// Memory that is used again and again.
#[derive(Debug, Default)]
pub(super) struct StftScratch {
    frames: Vec<Complex32>,
    fft: Vec<Complex32>,
}

impl Stft {
    pub(super) fn new(fft_length: usize, stride: usize) -> Self {
        let angle = |i: usize| std::f64::consts::TAU * i as f64 / fft_length as f64;
        let window = (0..fft_length).map(|i| (0.5 - 0.5 * angle(i).cos()) as f32).collect();
        Stft { fft: FftPlannerScalar::new().plan_fft_forward(fft_length), window, stride }
    }

    /// Frequencies of a frame: 0 to half the rate.
    pub(super) fn bins(&self) -> usize {
        self.window.len() / 2 + 1
    }

    /// Frames of a sound of `samples`: the first is centred at the first sample.
    pub(super) fn frames(&self, samples: usize) -> usize {
        1 + samples / self.stride
    }

    /// Gives the power of the frequencies of each frame in order. Two real frames are one complex transform: the even
    /// part of its result belongs to one, the odd part to the other.
    pub(super) fn each_power(
        &self,
        samples: &[f32],
        scratch: &mut StftScratch,
        mut give: impl FnMut(usize, &mut [f32]),
    ) {
        let n = self.window.len();
        let frames = self.frames(samples.len());
        scratch.frames.resize(n, Complex32::default());
        scratch.fft.resize(self.fft.get_inplace_scratch_len(), Complex32::default());
        let mut power = vec![0.0; self.bins()];
        for first in (0..frames).step_by(2) {
            let start = (first * self.stride) as isize - (n / 2) as isize;
            let sample = |at: isize| usize::try_from(at).ok().and_then(|at| samples.get(at)).copied().unwrap_or(0.0);
            for ((z, &w), at) in scratch.frames.iter_mut().zip(&self.window).zip(start..) {
                *z = Complex32::new(w * sample(at), w * sample(at + self.stride as isize));
            }
            self.fft.process_with_scratch(&mut scratch.frames, &mut scratch.fft);
            let z = &scratch.frames;
            let mirror = |k: usize| z[if k == 0 { 0 } else { n - k }].conj();
            power.iter_mut().enumerate().for_each(|(k, p)| *p = (z[k] + mirror(k)).norm_sqr() * 0.25);
            give(first, &mut power);
            if first + 1 < frames {
                power.iter_mut().enumerate().for_each(|(k, p)| *p = (z[k] - mirror(k)).norm_sqr() * 0.25);
                give(first + 1, &mut power);
            }
        }
    }
}
