//! Any bytes are a picture that can go into a network, or an error.
#![no_main]

use kamado_data::{image_file::decode_picture, sources::mnist};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(picture) = decode_picture(bytes, "fuzz") {
        let (input, _) = mnist::preprocessing().prepare_picture(&picture).expect("every picture fits into 28x28");
        assert_eq!(input.len(), 28 * 28);
    }
});
