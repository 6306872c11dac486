//! What of a sound a network is given.

use serde::{Deserialize, Serialize};

use super::mel::{MelFilters, dct};
use super::stft::{Stft, StftScratch};

/// What of a sound a network is given, over time. A frame is `fft_length` samples under a Hann window, one every
/// `sequence_stride`, the first centred at the first sample; decibels are `10 log10 max(power, 1e-10)`, at most `top_db`
/// below the loudest of the sound.
///
/// Source: `librosa.stft`, `librosa.power_to_db`, `librosa.feature.melspectrogram` and `librosa.feature.mfcc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundFeatures {
    /// The samples: `[samples, 1]`.
    Waveform,
    /// The power of each frequency in decibels: `[frames, fft_length / 2 + 1]`.
    Spectrogram,
    /// The power of each band of the mel scale in decibels: `[frames, num_mel_bins]`.
    LogMel,
    /// The first coefficients of the cosine transform of the above: `[frames, num_mfcc]`.
    Mfcc,
}

/// All that the features of a sound depend on.
pub(super) struct Settings {
    pub features: SoundFeatures,
    pub rate: u32,
    pub fft_length: usize,
    pub stride: usize,
    pub mels: usize,
    /// Hz.
    pub frequencies: (f64, f64),
    pub top_db: Option<f32>,
    pub coefficients: usize,
}

/// Takes the features of sounds of one rate and length.
pub(super) struct Extractor {
    settings: Settings,
    stft: Stft,
    mel: MelFilters,
    dct: Vec<f32>,
}

/// Memory that is used again and again.
#[derive(Debug, Default)]
pub(super) struct FeatureScratch {
    stft: StftScratch,
    mels: Vec<f32>,
}

impl Extractor {
    pub(super) fn new(settings: Settings) -> Self {
        let (low, high) = settings.frequencies;
        let mel = MelFilters::new(settings.rate, settings.fft_length, settings.mels, low, high);
        let dct = dct(settings.coefficients, settings.mels);
        Extractor { stft: Stft::new(settings.fft_length, settings.stride), mel, dct, settings }
    }

    /// Writes the features of `samples` to `out`, `[frames, width]`.
    pub(super) fn extract(&self, samples: &[f32], scratch: &mut FeatureScratch, out: &mut [f32]) {
        let Settings { mels, coefficients, top_db, .. } = self.settings;
        match self.settings.features {
            SoundFeatures::Waveform => out.copy_from_slice(samples),
            SoundFeatures::Spectrogram => {
                let bins = self.stft.bins();
                self.stft.each_power(samples, &mut scratch.stft, |frame, power| {
                    out[frame * bins..][..bins].copy_from_slice(power);
                });
                decibels(out, top_db);
            }
            SoundFeatures::LogMel => self.log_mel(samples, &mut scratch.stft, out),
            SoundFeatures::Mfcc => {
                let mut log_mel = std::mem::take(&mut scratch.mels);
                log_mel.resize(self.stft.frames(samples.len()) * mels, 0.0);
                self.log_mel(samples, &mut scratch.stft, &mut log_mel);
                for (out, frame) in out.chunks_exact_mut(coefficients).zip(log_mel.chunks_exact(mels)) {
                    for (out, row) in out.iter_mut().zip(self.dct.chunks_exact(mels)) {
                        *out = row.iter().zip(frame).map(|(c, x)| c * x).sum();
                    }
                }
                scratch.mels = log_mel;
            }
        }
    }

    fn log_mel(&self, samples: &[f32], scratch: &mut StftScratch, out: &mut [f32]) {
        let mels = self.settings.mels;
        self.stft.each_power(samples, scratch, |frame, power| self.mel.apply(power, &mut out[frame * mels..][..mels]));
        decibels(out, self.settings.top_db);
    }
}

/// Power to decibels, in place.
fn decibels(power: &mut [f32], top_db: Option<f32>) {
    power.iter_mut().for_each(|x| *x = 10.0 * x.max(1e-10).log10());
    if let Some(top_db) = top_db {
        let floor = power.iter().copied().fold(f32::MIN, f32::max) - top_db;
        power.iter_mut().for_each(|x| *x = x.max(floor));
    }
}
