//! A sound as it lies in a file.

use super::{flac, wav};
use crate::error::{DataError, Result};

/// The greatest number of samples of one sound: more than an hour at 16 kHz.
pub(super) const MOST_SAMPLES: usize = 1 << 26;

/// One channel of samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sound {
    /// Samples in a second.
    pub rate: u32,
    /// The samples, -1 to 1 (files of real numbers may go beyond).
    pub samples: Vec<f32>,
}

impl Sound {
    /// How long it lasts.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }
}

/// Reads a WAV (PCM of 8 to 32 bits, real numbers of 32 and 64 bits, A-law, µ-law) or FLAC file, told apart by its first
/// bytes. Several channels become one, their mean. `place` names the file in errors.
///
/// # Errors
/// If the bytes are no such file, were cut off, hold no sample or more than 2^26 of a channel, or numbers that are not
/// finite.
pub fn decode(bytes: &[u8], place: &str) -> Result<Sound> {
    let sound = match bytes {
        [b'R', b'I', b'F', b'F', ..] => wav::decode(bytes, place)?,
        [b'f', b'L', b'a', b'C', ..] => flac::decode(bytes, place)?,
        _ => {
            let found = match bytes.len() {
                0 => "an empty file".to_owned(),
                _ => format!("the bytes {:02x?}", &bytes[..bytes.len().min(4)]),
            };
            return Err(malformed(place, "a WAV or FLAC file", found, "Convert it to WAV first"));
        }
    };
    if sound.samples.is_empty() {
        return Err(malformed(place, "a sound", "no sample".into(), "Record it again, or leave it out"));
    }
    if !sound.samples.iter().all(|sample| sample.is_finite()) {
        let found = "numbers that are not finite".into();
        return Err(malformed(place, "samples", found, "Write it again, or leave it out"));
    }
    Ok(sound)
}

pub(super) fn malformed(place: &str, expected: &str, found: String, remedy: &str) -> DataError {
    DataError::malformed(place, expected, found, remedy)
}

pub(super) fn too_long(place: &str) -> DataError {
    let found = format!("more than {MOST_SAMPLES}");
    malformed(place, &format!("at most {MOST_SAMPLES} samples of a channel"), found, "Cut it into shorter sounds")
}
