//! Random changes of training sounds on the fly: for training, never for validation or test.

use std::ops::Range;

use kamado_graph::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};

/// How far sounds are changed at most; 0 switches a change off. Every sound draws uniformly within the limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SoundAugment {
    /// Move earlier or later, as a share of the length (0 to 1); silence, or what a longer sound has there, moves in.
    pub shift: f32,
    /// Louder or softer, in decibels (0 to 60).
    pub gain: f32,
    /// Normal noise, as a share of the loudness (root mean square) of the sound (0 to 1).
    pub noise: f32,
    /// Blank so many stretches of time of the features (0 to 16).
    pub time_masks: usize,
    /// Their greatest length, as a share of all frames (0 to 1).
    pub time_mask: f32,
    /// Blank so many bands of the features (0 to 16).
    ///
    /// Source: D. S. Park and others, "SpecAugment: A simple data augmentation method for automatic speech recognition",
    /// 2019; what is blanked becomes the mean of the sound's features.
    pub frequency_masks: usize,
    /// Their greatest width, as a share of all bands (0 to 1).
    pub frequency_mask: f32,
}

impl SoundAugment {
    /// Errors if a setting is out of its range, naming it.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("shift", self.shift, 1.0),
            ("gain", self.gain, 60.0),
            ("noise", self.noise, 1.0),
            ("time_masks", self.time_masks as f32, 16.0),
            ("time_mask", self.time_mask, 1.0),
            ("frequency_masks", self.frequency_masks as f32, 16.0),
            ("frequency_mask", self.frequency_mask, 1.0),
        ];
        match ranges.into_iter().find(|(_, value, most)| !(0.0..=*most).contains(value)) {
            None => Ok(()),
            Some((name, value, most)) => Err(DataError::request(
                format!("sound.augment.{name} = {value} is out of range"),
                format!("Choose 0 to {most}"),
            )),
        }
    }

    /// How many samples of a sound of `length` are skipped; below 0, how many of silence come before it.
    pub(super) fn draw_shift(&self, rng: &mut Rng, length: usize) -> isize {
        let most = (self.shift * length as f32) as usize;
        rng.below(2 * most as u64 + 1) as isize - most as isize
    }

    /// Changes loudness and adds noise.
    pub(super) fn distort(&self, rng: &mut Rng, samples: &mut [f32]) {
        if self.gain > 0.0 {
            let decibels = f64::from(self.gain) * (2.0 * rng.uniform() - 1.0);
            let factor = 10f64.powf(decibels / 20.0) as f32;
            samples.iter_mut().for_each(|x| *x *= factor);
        }
        if self.noise > 0.0 && !samples.is_empty() {
            let power = samples.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / samples.len() as f64;
            let size = power.sqrt() * f64::from(self.noise) * rng.uniform();
            samples.iter_mut().for_each(|x| *x += (size * rng.normal()) as f32);
        }
    }

    /// Blanks stretches of time and bands of features `[frames, width]`.
    pub(super) fn mask(&self, rng: &mut Rng, width: usize, features: &mut [f32]) {
        let masks_time = self.time_masks > 0 && self.time_mask > 0.0;
        let masks_bands = self.frequency_masks > 0 && self.frequency_mask > 0.0 && width > 1;
        if features.is_empty() || !(masks_time || masks_bands) {
            return;
        }
        let mean = (features.iter().map(|&x| f64::from(x)).sum::<f64>() / features.len() as f64) as f32;
        for _ in 0..if masks_time { self.time_masks } else { 0 } {
            let span = draw_span(rng, features.len() / width, self.time_mask);
            features[span.start * width..span.end * width].fill(mean);
        }
        for _ in 0..if masks_bands { self.frequency_masks } else { 0 } {
            let span = draw_span(rng, width, self.frequency_mask);
            features.chunks_exact_mut(width).for_each(|frame| frame[span.clone()].fill(mean));
        }
    }
}

/// A stretch of 0 to `share` of `n`, anywhere within it.
fn draw_span(rng: &mut Rng, n: usize, share: f32) -> Range<usize> {
    let most = ((share * n as f32) as usize).min(n);
    let len = rng.below(most as u64 + 1) as usize;
    let start = rng.below((n - len) as u64 + 1) as usize;
    start..start + len
}
