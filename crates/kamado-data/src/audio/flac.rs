//! FLAC files, read by the crate `claxon`.

use std::io::Cursor;

use claxon::{FlacReader, FlacReaderOptions};

use super::sound::{MOST_SAMPLES, Sound, malformed, too_long};
use crate::error::Result;

/// The sound in `bytes`, which begin with `fLaC`.
pub(super) fn decode(bytes: &[u8], place: &str) -> Result<Sound> {
    let failed = |error: claxon::Error| {
        malformed(place, "a sound FLAC file", error.to_string(), "Copy it again, or convert it to WAV")
    };
    let options = FlacReaderOptions { metadata_only: false, read_vorbis_comment: false };
    let mut reader = FlacReader::new_ext(Cursor::new(bytes), options).map_err(failed)?;
    let info = reader.streaminfo();
    if info.sample_rate == 0 || !(1..=32).contains(&info.bits_per_sample) {
        let found = format!("{} Hz, {} bits", info.sample_rate, info.bits_per_sample);
        return Err(malformed(place, "a rate and 1 to 32 bits", found, "Write it again"));
    }
    let scale = 1.0 / (1u64 << (info.bits_per_sample - 1)) as f64;
    let mut samples: Vec<f32> = Vec::new();
    let (mut blocks, mut buffer) = (reader.blocks(), Vec::new());
    while let Some(block) = blocks.read_next_or_eof(buffer).map_err(failed)? {
        let start = samples.len();
        let len = start + block.duration() as usize;
        if len > MOST_SAMPLES {
            return Err(too_long(place));
        }
        samples.resize(len, 0.0);
        let share = scale / f64::from(block.channels().max(1));
        for channel in 0..block.channels() {
            let add = |(sum, &x): (&mut f32, &i32)| *sum += (f64::from(x) * share) as f32;
            samples[start..].iter_mut().zip(block.channel(channel)).for_each(add);
        }
        buffer = block.into_buffer();
    }
    match info.samples {
        Some(said) if said > samples.len() as u64 => {
            let found = format!("{}: the file was cut off", samples.len());
            Err(malformed(place, &format!("{said} samples"), found, "Copy it again"))
        }
        _ => Ok(Sound { rate: info.sample_rate, samples }),
    }
}
