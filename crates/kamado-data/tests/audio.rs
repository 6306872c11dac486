//! Sounds against libsndfile, SciPy and librosa (`fixtures/audio.py`), and sounds that are unsound.

use kamado_data::audio::{
    Resampler, Sound, SoundAugment, SoundConfig, SoundFeatures, SoundInput, SoundScratch, decode, high_pass, trim,
};
use kamado_graph::rng::Rng;
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/audio.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn signal() -> Vec<f32> {
    numbers(&fixture()["signal"]).iter().map(|x| x / 32768.0).collect()
}

fn bytes_of(file: &Value) -> Vec<u8> {
    let text = file["bytes"].as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// A WAV file of 16-bit samples.
fn wav(samples: &[i16], rate: u32, channels: u16) -> Vec<u8> {
    let size = samples.len() as u32 * 2;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(channels) * 2).to_le_bytes());
    bytes.extend((channels * 2).to_le_bytes());
    bytes.extend(b"\x10\0data");
    bytes.extend(size.to_le_bytes());
    samples.iter().for_each(|sample| bytes.extend(sample.to_le_bytes()));
    bytes
}

/// A tone of `frequency` Hz.
fn tone(frequency: f64, rate: u32, samples: usize) -> Vec<i16> {
    let angle = |i: usize| std::f64::consts::TAU * frequency * i as f64 / f64::from(rate);
    (0..samples).map(|i| (angle(i).sin() * 20_000.0) as i16).collect()
}

fn far(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn files_are_read_as_libsndfile_reads_them() {
    for file in fixture()["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let sound = decode(&bytes_of(file), name).unwrap();
        assert_eq!(u64::from(sound.rate), file["rate"].as_u64().unwrap(), "{name}");
        assert!(far(&sound.samples, &numbers(&file["samples"])) < 1e-6, "{name}");
    }
}

#[test]
fn features_are_those_of_librosa() {
    let fixture = fixture();
    let samples = signal();
    let sound = || Sound { rate: 8000, samples: signal() };
    for case in fixture["features"].as_array().unwrap() {
        let get = |key: &str| case[key].as_f64().unwrap();
        for (features, key) in [
            (SoundFeatures::Spectrogram, "spectrogram"),
            (SoundFeatures::LogMel, "log_mel"),
            (SoundFeatures::Mfcc, "mfcc"),
        ] {
            let config = SoundConfig {
                features,
                sampling_rate: Some(8000),
                seconds: Some(samples.len() as f64 / 8000.0),
                fft_length: Some(get("fft_length") as usize),
                sequence_stride: Some(get("sequence_stride") as usize),
                num_mel_bins: get("num_mel_bins") as usize,
                min_freq: get("min_freq"),
                max_freq: Some(get("max_freq")),
                top_db: get("top_db") as f32,
                num_mfcc: get("num_mfcc") as usize,
                normalise: false,
                ..SoundConfig::default()
            };
            let input = SoundInput::fit(&config, 1, |_| unreachable!("nothing is left to learn")).unwrap();
            let mut out = vec![0.0; input.shape().iter().product()];
            input.encode_sound(sound(), "x", None, &mut out, &mut SoundScratch::default()).unwrap();
            // Of the spectrogram the fixture holds the lowest frequencies only.
            if features == SoundFeatures::Spectrogram {
                let kept = 1 + get("fft_length") as usize / 8;
                out = out.chunks(input.shape()[1]).flat_map(|frame| frame[..kept].to_vec()).collect();
            }
            let expected = numbers(&case[key]);
            // Decibels: below -60 a 32-bit float has lost digits to the loud frequencies beside.
            let error = far(&out, &expected);
            assert!(error < 0.02, "{key}: {error} dB");
        }
    }
}

#[test]
fn silence_and_rumble_go_as_in_librosa_and_scipy() {
    let fixture = fixture();
    let mut trimmed = signal();
    trim(&mut trimmed, fixture["trim"]["top_db"].as_f64().unwrap() as f32);
    let bound = |key: &str| fixture["trim"][key].as_u64().unwrap() as usize;
    assert_eq!(trimmed, signal()[bound("start")..bound("end")]);
    let mut silence = vec![0.0; 5000];
    trim(&mut silence, 30.0);
    assert_eq!(silence.len(), 5000);

    let (mut filtered, case) = (signal(), &fixture["high_pass"]);
    high_pass(&mut filtered, 8000, case["cutoff"].as_f64().unwrap() as f32);
    let start = case["start"].as_u64().unwrap() as usize;
    assert!(far(&filtered[start..start + 200], &numbers(&case["samples"])) < 1e-6);
}

#[test]
fn other_rates_are_those_of_the_filter() {
    let mut out = Vec::new();
    for case in fixture()["resample"].as_array().unwrap() {
        let get = |key: &str| case[key].as_u64().unwrap() as usize;
        Resampler::new(8000, get("rate") as u32).unwrap().resample(&signal(), &mut out).unwrap();
        assert_eq!(out.len(), get("length"));
        let error = far(&out[get("start")..get("start") + 100], &numbers(&case["samples"]));
        assert!(error < 2e-6, "to {} Hz: {error}", get("rate"));
    }
}

#[test]
fn a_tone_keeps_its_pitch_at_any_rate() {
    for (from, to) in [(44_100, 16_000), (8_000, 48_000), (11_024, 16_001), (192_000, 8_000)] {
        let samples: Vec<f32> = tone(440.0, from, from as usize / 4).iter().map(|&x| f32::from(x) / 32768.0).collect();
        let mut out = Vec::new();
        Resampler::new(from, to).unwrap().resample(&samples, &mut out).unwrap();
        let expected = tone(440.0, to, out.len());
        let expected: Vec<f32> = expected.iter().map(|&x| f32::from(x) / 32768.0).collect();
        let inner = out.len() / 3..out.len() / 3 * 2;
        assert!(far(&out[inner.clone()], &expected[inner]) < 1e-3, "{from} to {to}");
    }
    assert!(Resampler::new(10, 8000).unwrap_err().to_string().contains("10 Hz is no usual rate"));
}

/// Three sounds that differ in everything.
fn recordings() -> Vec<Vec<u8>> {
    let stereo: Vec<i16> = tone(300.0, 16_000, 9_000).into_iter().flat_map(|x| [x, -x / 2]).collect();
    vec![
        wav(&tone(500.0, 8_000, 4_001), 8_000, 1),
        wav(&stereo, 16_000, 2),
        wav(&tone(700.0, 8_000, 3_000), 8_000, 1),
        bytes_of(&fixture()["files"][11]),
    ]
}

fn fitted(config: &SoundConfig) -> SoundInput {
    let sounds = recordings();
    SoundInput::fit(config, sounds.len(), |i| Ok((format!("{i}.wav"), sounds[i].clone()))).unwrap()
}

fn encode(input: &SoundInput, bytes: &[u8], rng: Option<&mut Rng>, scratch: &mut SoundScratch) -> Vec<f32> {
    let mut out = vec![f32::NAN; input.shape().iter().product()];
    input.encode(bytes, "x.wav", rng, &mut out, scratch).unwrap();
    out
}

#[test]
fn what_is_open_is_learnt_and_kept() {
    let input = fitted(&SoundConfig { image: true, trim: Some(40.0), ..SoundConfig::default() });
    // Half a second and a bit: the second longest of four; frames of 256 samples, one every 128.
    assert_eq!((input.sampling_rate(), input.shape()), (8000, vec![1 + 4001 / 128, 40, 1]));
    let text = serde_json::to_string(&input).unwrap();
    let again: SoundInput = serde_json::from_str(&text).unwrap();
    assert_eq!(again, input);
    let (mut scratch, mut other) = (SoundScratch::default(), SoundScratch::default());
    let (mut sum, mut count) = (0.0f64, 0.0);
    for bytes in &recordings() {
        let out = encode(&input, bytes, None, &mut scratch);
        assert_eq!(out, encode(&again, bytes, None, &mut other));
        sum += out.iter().map(|&x| f64::from(x)).sum::<f64>();
        count += out.len() as f64;
    }
    assert!((sum / count).abs() < 1e-4, "normalised: {}", sum / count);
    assert!(serde_json::from_str::<SoundInput>(&text.replacen("\"rate\"", "\"rat\"", 1)).is_err());
}

#[test]
fn lengths_are_brought_to_one() {
    let config = SoundConfig {
        features: SoundFeatures::Waveform,
        sampling_rate: Some(8000),
        seconds: Some(0.5),
        normalise: false,
        ..SoundConfig::default()
    };
    let input = fitted(&config);
    assert_eq!(input.shape(), [4000, 1]);
    let sounds = recordings();
    let mut scratch = SoundScratch::default();
    let cut = encode(&input, &sounds[0], None, &mut scratch);
    assert_eq!(cut, decode(&sounds[0], "x").unwrap().samples[..4000]);
    let filled = encode(&input, &sounds[2], None, &mut scratch);
    assert_eq!(filled[..3000], decode(&sounds[2], "x").unwrap().samples);
    assert!(filled[3000..].iter().all(|&x| x == 0.0));
}

#[test]
fn changes_in_training_follow_the_stream_and_stay_within_limits() {
    let wave = SoundConfig { features: SoundFeatures::Waveform, normalise: false, ..SoundConfig::default() };
    let augment = SoundAugment { shift: 0.25, ..SoundAugment::default() };
    let input = fitted(&SoundConfig { augment, ..wave.clone() });
    let (bytes, mut scratch) = (&recordings()[0], SoundScratch::default());
    let plain = encode(&input, bytes, None, &mut scratch);
    let mut shifts = std::collections::HashSet::new();
    for stream in 0..20 {
        let moved = encode(&input, bytes, Some(&mut Rng::new(1, stream)), &mut scratch);
        assert_eq!(moved, encode(&input, bytes, Some(&mut Rng::new(1, stream)), &mut SoundScratch::default()));
        let most = plain.len() / 4;
        // The tone lasts 16 samples, so that the first shift that fits is not enough: compare where silence begins.
        let left = moved.iter().take_while(|&&x| x == 0.0).count();
        assert!(left <= most + 1);
        shifts.insert(left);
    }
    assert!(shifts.len() > 5);

    let augment = SoundAugment { gain: 6.0, noise: 0.1, ..SoundAugment::default() };
    let input = fitted(&SoundConfig { augment, ..wave });
    let loud = |x: &[f32]| (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).sqrt();
    for stream in 0..20 {
        let changed = encode(&input, bytes, Some(&mut Rng::new(1, stream)), &mut scratch);
        let ratio = loud(&changed) / loud(&plain);
        assert!((0.49..2.03).contains(&ratio) && changed != plain, "{ratio}");
    }

    let masks =
        SoundAugment { time_masks: 2, time_mask: 0.2, frequency_masks: 1, frequency_mask: 0.3, ..Default::default() };
    let input = fitted(&SoundConfig { augment: masks, ..SoundConfig::default() });
    let plain = encode(&input, bytes, None, &mut scratch);
    let mean = plain.iter().sum::<f32>() / plain.len() as f32;
    let masked = encode(&input, bytes, Some(&mut Rng::new(3, 1)), &mut scratch);
    let changed: Vec<f32> = masked.iter().zip(&plain).filter(|(a, b)| a != b).map(|(a, _)| *a).collect();
    assert!(!changed.is_empty() && changed.len() < plain.len() * 6 / 10);
    assert!(changed.iter().all(|x| (x - mean).abs() < 1e-4));
}

fn refusal(bytes: &[u8]) -> String {
    let text = decode(bytes, "a.wav").unwrap_err().to_string();
    assert!(text.starts_with("a.wav: expected ") && text.contains(", found "), "{text}");
    text
}

#[test]
fn unsound_files_are_refused_with_the_reason() {
    let sound = wav(&tone(500.0, 8_000, 100), 8_000, 1);
    let with = |at: usize, value: &[u8]| {
        let mut bytes = sound.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    assert!(refusal(&[]).contains("an empty file"));
    assert!(refusal(b"ID3\x04").contains("[49, 44, 33, 04]"));
    assert!(refusal(&sound[..sound.len() - 3]).contains("197: the file was cut off"));
    assert!(refusal(&sound[..30]).contains("\"fmt \""));
    assert!(refusal(&sound[..36]).contains("\"data\""));
    assert!(refusal(&with(8, b"AVI ")).contains("another kind of RIFF"));
    assert!(refusal(&with(20, &[85, 0])).contains("format 85 of 16 bits"));
    assert!(refusal(&with(34, &[12])).contains("format 1 of 12 bits"));
    assert!(refusal(&with(22, &[0, 0])).contains("0 channels"));
    assert!(refusal(&with(24, &[0; 4])).contains("at 0 Hz"));
    assert!(refusal(&wav(&[], 8000, 1)).contains("no sample"));
    let mut not_finite = with(20, &[3, 0]);
    not_finite[34] = 32;
    not_finite[48..52].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(refusal(&not_finite).contains("not finite"));
    let flac = bytes_of(&fixture()["files"][11]);
    assert!(decode(&flac[..flac.len() - 20], "a.flac").is_err());
    // A program that wrote to a pipe did not know the size; one byte is left over at the end.
    let mut piped = with(40, &[0xFF; 4]);
    piped.push(7);
    assert_eq!(decode(&piped, "x").unwrap(), decode(&sound, "x").unwrap());
}

#[test]
fn bytes_changed_at_random_are_a_sound_or_an_error() {
    let mut rng = Rng::new(5, 0);
    for file in fixture()["files"].as_array().unwrap() {
        let sound = bytes_of(file);
        for _ in 0..1000 {
            let mut bytes = sound.clone();
            for _ in 0..=rng.below(3) {
                let at = rng.below(bytes.len().min(100) as u64) as usize;
                bytes[at] = rng.next_u32() as u8;
            }
            bytes.truncate(bytes.len() - rng.below(2) as usize * rng.below(bytes.len() as u64) as usize);
            if let Ok(sound) = decode(&bytes, "x") {
                assert!(!sound.samples.is_empty() && sound.samples.iter().all(|x| x.is_finite()));
            }
        }
    }
}

#[test]
fn wrong_settings_are_named() {
    let wrong = |config: SoundConfig| {
        let sounds = recordings();
        SoundInput::fit(&config, sounds.len(), |i| Ok((String::new(), sounds[i].clone()))).unwrap_err().to_string()
    };
    let default = SoundConfig::default;
    assert!(wrong(SoundConfig { num_mel_bins: 0, ..default() }).contains("num_mel_bins"));
    assert!(wrong(SoundConfig { max_freq: Some(9000.0), ..default() }).contains("max_freq"));
    assert!(wrong(SoundConfig { seconds: Some(-1.0), ..default() }).contains("seconds"));
    assert!(wrong(SoundConfig { seconds: Some(1e30), ..default() }).contains("numbers"));
    assert!(wrong(SoundConfig { sampling_rate: Some(1), ..default() }).contains("sampling_rate"));
    assert!(wrong(SoundConfig { sequence_stride: Some(0), ..default() }).contains("sequence_stride"));
    let augment = SoundAugment { noise: 2.0, ..SoundAugment::default() };
    assert!(wrong(SoundConfig { augment, ..default() }).contains("sound.augment.noise = 2"));
    assert!(SoundInput::fit(&default(), 0, |_| unreachable!()).unwrap_err().to_string().contains("no training sound"));
}
