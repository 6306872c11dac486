//! Any bytes are a picture that can go into a network, or an error.
#![no_main]

use kamado_data::{Raster, image_file::decode_picture, sources::mnist};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(picture) = decode_picture(bytes, "fuzz") {
        let (input, _) = mnist::preprocessing().prepare_picture(&picture).expect("every picture fits into 28x28");
        assert_eq!(input.len(), 28 * 28);
    }
    for channels in [1, 3] {
        if let Ok(raster) = Raster::decode(bytes, "fuzz", channels) {
            assert_eq!(raster.pixels().len(), raster.height() * raster.width() * channels);
        }
    }
});
