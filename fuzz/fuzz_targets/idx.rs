//! Any bytes are an IDX file with as many elements as it says, or an error.
#![no_main]

use kamado_data::idx::parse_idx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(idx) = parse_idx(bytes, "fuzz") {
        assert_eq!(idx.shape.iter().product::<usize>(), idx.data.len());
    }
});
