//! From a sound file to the numbers of a network.

use kamado_graph::rng::Rng;
use serde::{Deserialize, Serialize};

use super::augment::SoundAugment;
use super::clean;
use super::features::{Extractor, FeatureScratch, Settings, SoundFeatures};
use super::fit;
use super::resample::Resampler;
use super::sound::{Sound, decode};
use crate::error::{DataError, Result};
use crate::ready::Ready;

/// The greatest number of numbers of an example.
const MOST_NUMBERS: usize = 1 << 24;

/// How sounds become numbers: what a recipe says, before training sounds are seen. Keys and defaults of the features are
/// those of `keras.layers.MelSpectrogram` where they fit all rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SoundConfig {
    /// Samples in a second, to which all sounds are brought; None for the most frequent rate of the training sounds.
    pub sampling_rate: Option<u32>,
    /// The length of every example: shorter sounds are followed by silence, longer ones cut off. None for as long as 95
    /// of 100 training sounds are at most (at most 10 s).
    pub seconds: Option<f64>,
    /// Take away frequencies below this (Hz).
    pub high_pass: Option<f32>,
    /// Take away what is quieter than the loudest moment by more than this (dB) at both ends.
    pub trim: Option<f32>,
    /// What of a sound the network is given.
    pub features: SoundFeatures,
    /// Samples of a frame; None for the power of 2 that lasts at least 25 ms.
    pub fft_length: Option<usize>,
    /// Samples from one frame to the next; None for half a frame.
    pub sequence_stride: Option<usize>,
    /// Bands of the mel scale.
    pub num_mel_bins: usize,
    /// The lowest frequency of the bands (Hz).
    pub min_freq: f64,
    /// The highest frequency of the bands (Hz); None for half the sampling rate.
    pub max_freq: Option<f64>,
    /// Decibels below the loudest of a sound are raised to this distance; 0 leaves them.
    pub top_db: f32,
    /// Coefficients of [`SoundFeatures::Mfcc`].
    pub num_mfcc: usize,
    /// Give each band mean 0 and standard deviation 1, measured on the training sounds.
    pub normalise: bool,
    /// Give the shape of an image of one channel, `[frames, bands, 1]`, for convolutions in two directions.
    pub image: bool,
    /// What is changed at random in training.
    pub augment: SoundAugment,
}

impl Default for SoundConfig {
    /// 40 bands of the mel scale, normalised.
    fn default() -> Self {
        SoundConfig {
            sampling_rate: None,
            seconds: None,
            high_pass: None,
            trim: None,
            features: SoundFeatures::LogMel,
            fft_length: None,
            sequence_stride: None,
            num_mel_bins: 40,
            min_freq: 20.0,
            max_freq: None,
            top_db: 80.0,
            num_mfcc: 20,
            normalise: true,
            image: false,
            augment: SoundAugment::default(),
        }
    }
}

/// From a sound file to the numbers of a network, fitted to training sounds and kept in the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundInput {
    /// With every choice made.
    pub(super) config: SoundConfig,
    pub(super) rate: u32,
    /// Samples of an example.
    pub(super) length: usize,
    /// Of each band in the training sounds; empty where nothing is normalised.
    pub(super) mean: Vec<f32>,
    pub(super) std: Vec<f32>,
    #[serde(skip)]
    extractor: Ready<Extractor>,
}

/// Memory that sounds use again and again: one for each thread.
#[derive(Debug, Default)]
pub struct SoundScratch {
    other_rate: Vec<f32>,
    window: Vec<f32>,
    features: FeatureScratch,
    resamplers: Vec<Resampler>,
}

impl SoundInput {
    /// Learns what `config` leaves open, and mean and standard deviation of the bands, from the training sounds: the
    /// `count` that `read` reads, or 2,000 evenly chosen ones of more. `read` gives a place for errors and the bytes.
    ///
    /// # Errors
    /// If there is none, one cannot be read, or a setting is out of its range.
    pub fn fit(
        config: &SoundConfig,
        count: usize,
        read: impl FnMut(usize) -> Result<(String, Vec<u8>)>,
    ) -> Result<Self> {
        fit::fit(config, count, read)
    }

    /// With these choices and nothing normalised.
    pub(super) fn new(config: SoundConfig, rate: u32, length: usize) -> Result<Self> {
        let (mean, std, extractor) = (Vec::new(), Vec::new(), Ready::default());
        let input = SoundInput { config, rate, length, mean, std, extractor };
        input.settings()?;
        Ok(input)
    }

    /// Samples in a second.
    pub fn sampling_rate(&self) -> u32 {
        self.rate
    }

    /// `[frames, bands]`, `[samples, 1]`, or as an image of one channel.
    pub fn shape(&self) -> Vec<usize> {
        let (frames, width) = self.frames_and_width();
        if self.config.image { vec![frames, width, 1] } else { vec![frames, width] }
    }

    /// Writes the features of the WAV or FLAC file `bytes` to `out`, which has room for [`shape`](SoundInput::shape).
    /// `place` names the file in errors. `rng` is for training: with it the sound is changed at random as the
    /// configuration says.
    ///
    /// # Errors
    /// As [`decode`], or if the rate is not one that can be converted.
    pub fn encode(
        &self,
        bytes: &[u8],
        place: &str,
        rng: Option<&mut Rng>,
        out: &mut [f32],
        scratch: &mut SoundScratch,
    ) -> Result<()> {
        self.encode_sound(decode(bytes, place)?, place, rng, out, scratch)
    }

    /// The same for a sound from elsewhere, for example a microphone.
    ///
    /// # Errors
    /// If the rate is not one that can be converted, or `out` has another length than the shape.
    pub fn encode_sound(
        &self,
        sound: Sound,
        place: &str,
        mut rng: Option<&mut Rng>,
        out: &mut [f32],
        scratch: &mut SoundScratch,
    ) -> Result<()> {
        let extractor = self.extractor.get(|| Ok(Extractor::new(self.settings()?)))?;
        let (frames, width) = self.frames_and_width();
        if out.len() != frames * width {
            let problem = format!("{} numbers are wanted of a sound, which has {frames} x {width}", out.len());
            return Err(DataError::request(problem, "Give room for the shape of the input"));
        }
        let samples = self.clean(sound, place, scratch)?;
        let augment = &self.config.augment;
        let skip = rng.as_deref_mut().map_or(0, |rng| augment.draw_shift(rng, self.length));
        let mut window = std::mem::take(&mut scratch.window);
        cut(&samples, skip, self.length, &mut window);
        if let Some(rng) = rng.as_deref_mut() {
            augment.distort(rng, &mut window);
        }
        extractor.extract(&window, &mut scratch.features, out);
        scratch.window = window;
        if !self.mean.is_empty() {
            for frame in out.chunks_exact_mut(width) {
                for ((x, mean), std) in frame.iter_mut().zip(&self.mean).zip(&self.std) {
                    *x = (*x - mean) / std;
                }
            }
        }
        if let Some(rng) = rng {
            augment.mask(rng, width, out);
        }
        Ok(())
    }

    /// At the rate of the input, without rumble and silence.
    pub(super) fn clean(&self, sound: Sound, place: &str, scratch: &mut SoundScratch) -> Result<Vec<f32>> {
        let mut samples = sound.samples;
        if sound.rate != self.rate {
            scratch.resample(&samples, (sound.rate, self.rate)).map_err(|error| match error {
                DataError::Request { problem, remedy } => {
                    DataError::Request { problem: format!("{place}: {problem}"), remedy }
                }
                other => other,
            })?;
            std::mem::swap(&mut samples, &mut scratch.other_rate);
        }
        if let Some(cutoff) = self.config.high_pass {
            clean::high_pass(&mut samples, self.rate, cutoff);
        }
        if let Some(top_db) = self.config.trim {
            clean::trim(&mut samples, top_db);
        }
        Ok(samples)
    }

    fn frames_and_width(&self) -> (usize, usize) {
        let fft_length = self.config.fft_length.unwrap_or(2);
        let frames = 1 + self.length / self.config.sequence_stride.unwrap_or(1).max(1);
        match self.config.features {
            SoundFeatures::Waveform => (self.length, 1),
            SoundFeatures::Spectrogram => (frames, fft_length / 2 + 1),
            SoundFeatures::LogMel => (frames, self.config.num_mel_bins),
            SoundFeatures::Mfcc => (frames, self.config.num_mfcc),
        }
    }

    /// Errors if a setting is out of its range, naming it; a model file could hold anything.
    fn settings(&self) -> Result<Settings> {
        let config = &self.config;
        config.augment.check()?;
        let half = f64::from(self.rate) / 2.0;
        let (fft_length, high) = (config.fft_length.unwrap_or(0), config.max_freq.unwrap_or(half));
        let stride = config.sequence_stride.unwrap_or(0);
        let trims = config.trim.is_none_or(|db| db > 0.0) && config.high_pass.is_none_or(|hz| hz > 0.0);
        let checks = [
            ("sampling_rate", (1_000..=768_000).contains(&self.rate), "1,000 to 768,000 Hz"),
            ("seconds", self.length > 0, "a length above 0"),
            ("trim or high_pass", trims, "numbers above 0"),
            ("fft_length", (4..=65_536).contains(&fft_length), "4 to 65,536 samples"),
            ("sequence_stride", (1..=fft_length).contains(&stride), "1 sample to fft_length"),
            ("num_mel_bins", (1..=512).contains(&config.num_mel_bins), "1 to 512 bands"),
            (
                "min_freq or max_freq",
                0.0 <= config.min_freq && config.min_freq < high && high <= half,
                "0 <= min_freq < max_freq <= half of the sampling rate",
            ),
            ("top_db", config.top_db >= 0.0, "a distance of 0 or more"),
            (
                "num_mfcc",
                (1..=config.num_mel_bins).contains(&config.num_mfcc) || config.features != SoundFeatures::Mfcc,
                "1 to num_mel_bins",
            ),
        ];
        if let Some((name, _, range)) = checks.into_iter().find(|(_, holds, _)| !holds) {
            return Err(DataError::request(format!("sound.{name} is out of range"), format!("Choose {range}")));
        }
        let (frames, width) = self.frames_and_width();
        let sound = [&self.mean, &self.std].iter().all(|values| values.is_empty() || values.len() == width);
        if frames.saturating_mul(width) > MOST_NUMBERS || self.length > MOST_NUMBERS || !sound {
            let problem = format!("a sound of {} samples would be {frames} x {width} numbers", self.length);
            return Err(DataError::request(problem, "Choose fewer seconds, a longer stride or fewer bands"));
        }
        Ok(Settings {
            features: config.features,
            rate: self.rate,
            fft_length,
            stride,
            mels: config.num_mel_bins,
            frequencies: (config.min_freq, high),
            top_db: (config.top_db > 0.0).then_some(config.top_db),
            coefficients: config.num_mfcc.min(config.num_mel_bins),
        })
    }
}

/// Writes `length` samples from `skip` on to `out`; outside is silence.
fn cut(samples: &[f32], skip: isize, length: usize, out: &mut Vec<f32>) {
    out.clear();
    out.resize(skip.min(0).unsigned_abs().min(length), 0.0);
    let from = samples.get(skip.max(0) as usize..).unwrap_or(&[]);
    out.extend(from.iter().take(length - out.len()));
    out.resize(length, 0.0);
}

impl SoundScratch {
    /// Into `other_rate`.
    fn resample(&mut self, samples: &[f32], rates: (u32, u32)) -> Result<()> {
        /// Sounds of one data set have few rates.
        const KEPT: usize = 4;
        let place = match self.resamplers.iter().position(|known| known.is(rates.0, rates.1)) {
            Some(place) => place,
            None => {
                self.resamplers.truncate(KEPT - 1);
                self.resamplers.insert(0, Resampler::new(rates.0, rates.1)?);
                0
            }
        };
        self.resamplers[place].resample(samples, &mut self.other_rate)
    }
}
