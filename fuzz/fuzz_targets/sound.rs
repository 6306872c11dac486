//! Any bytes are a sound of finite samples, or an error.
#![no_main]

use kamado_data::audio::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(sound) = decode(bytes, "fuzz") {
        assert!(!sound.samples.is_empty() && sound.rate > 0);
        assert!(sound.samples.iter().all(|sample| sample.is_finite()));
    }
});
