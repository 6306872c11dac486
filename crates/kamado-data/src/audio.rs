//! From sounds to the numbers of a network: WAV and FLAC files are decoded, brought to one rate and length, and turned
//! into a picture of their frequencies.

mod augment;
mod clean;
mod features;
mod fit;
mod flac;
mod input;
mod mel;
mod resample;
mod sound;
mod stft;
mod wav;

pub use augment::SoundAugment;
pub use clean::{high_pass, trim};
pub use features::SoundFeatures;
pub use input::{SoundConfig, SoundInput, SoundScratch};
pub use resample::Resampler;
pub use sound::{Sound, decode};
