//! What is learnt from the training sounds.

use std::collections::BTreeMap;

use super::input::{SoundConfig, SoundInput, SoundScratch};
use super::sound::decode;
use crate::error::{DataError, Result};

/// So many sounds tell enough about all.
const MOST_SOUNDS: usize = 2_000;
/// The greatest length that is chosen by itself.
const LONGEST_SECONDS: f64 = 10.0;

pub(super) fn fit(
    config: &SoundConfig,
    count: usize,
    mut read: impl FnMut(usize) -> Result<(String, Vec<u8>)>,
) -> Result<SoundInput> {
    if count == 0 {
        return Err(DataError::request("there is no training sound to learn from", "Give at least one"));
    }
    let chosen = count.min(MOST_SOUNDS);
    let mut each = |visit: &mut dyn FnMut(&str, &[u8]) -> Result<()>| {
        (0..chosen).try_for_each(|i| {
            let (place, bytes) = read(i * count / chosen)?;
            visit(&place, &bytes)
        })
    };
    let rate = match config.sampling_rate {
        Some(rate) => rate,
        None => {
            let mut rates: BTreeMap<u32, usize> = BTreeMap::new();
            each(&mut |place, bytes| {
                *rates.entry(decode(bytes, place)?.rate).or_default() += 1;
                Ok(())
            })?;
            rates.into_iter().max_by_key(|&(rate, times)| (times, rate)).map_or(16_000, |(rate, _)| rate)
        }
    };
    let config = complete(config, rate);
    let mut scratch = SoundScratch::default();
    let seconds = match config.seconds {
        Some(seconds) => seconds,
        None => {
            let (cleaner, mut lengths) = (SoundInput::new(config.clone(), rate, 1)?, Vec::new());
            each(&mut |place, bytes| {
                lengths.push(cleaner.clean(decode(bytes, place)?, place, &mut scratch)?.len());
                Ok(())
            })?;
            lengths.sort_unstable();
            (lengths[(lengths.len() - 1) * 95 / 100] as f64 / f64::from(rate)).min(LONGEST_SECONDS)
        }
    };
    let length = (seconds * f64::from(rate)).round() as usize;
    let mut input = SoundInput::new(SoundConfig { seconds: Some(seconds), ..config }, rate, length)?;
    if input.config.normalise {
        (input.mean, input.std) = statistics(&input, &mut scratch, &mut each)?;
    }
    Ok(input)
}

/// With every choice that follows from the rate.
fn complete(config: &SoundConfig, rate: u32) -> SoundConfig {
    let fft_length = config.fft_length.unwrap_or_else(|| (rate as usize / 40).next_power_of_two().max(4));
    SoundConfig {
        sampling_rate: Some(rate),
        fft_length: Some(fft_length),
        sequence_stride: Some(config.sequence_stride.unwrap_or(fft_length / 2)),
        max_freq: Some(config.max_freq.unwrap_or(f64::from(rate) / 2.0)),
        ..config.clone()
    }
}

/// Visits all chosen sounds.
type Each<'a> = dyn FnMut(&mut dyn FnMut(&str, &[u8]) -> Result<()>) -> Result<()> + 'a;

/// Mean and (population) standard deviation of each band over all frames; a band that never changes keeps its scale.
fn statistics(input: &SoundInput, scratch: &mut SoundScratch, each: &mut Each<'_>) -> Result<(Vec<f32>, Vec<f32>)> {
    let shape = input.shape();
    let (frames, width) = (shape[0], shape[1]);
    let (mut features, mut count) = (vec![0.0; frames * width], 0.0f64);
    let (mut mean, mut squares) = (vec![0.0f64; width], vec![0.0f64; width]);
    each(&mut |place, bytes| {
        input.encode(bytes, place, None, &mut features, scratch)?;
        // Welford's update, frame by frame: a sum of squares would lose the digits of a quiet band.
        for frame in features.chunks_exact(width) {
            count += 1.0;
            for ((&x, mean), squares) in frame.iter().zip(&mut mean).zip(&mut squares) {
                let delta = f64::from(x) - *mean;
                *mean += delta / count;
                *squares += delta * (f64::from(x) - *mean);
            }
        }
        Ok(())
    })?;
    let std = squares.iter().map(|&s| (s / count).sqrt() as f32).map(|std| if std > 0.0 { std } else { 1.0 });
    Ok((mean.iter().map(|&m| m as f32).collect(), std.collect()))
}
