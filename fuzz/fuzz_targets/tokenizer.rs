//! Any JSON is a tokenizer whose tokens are within its vocabulary, or an error.
#![no_main]

use kamado_data::Tokenizer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tokenizer) = serde_json::from_slice::<Tokenizer>(bytes)
        && let Ok(tokens) = tokenizer.encode("the cat 人")
    {
        assert!(tokens.iter().all(|&token| token >= 0 && (token as usize) < tokenizer.len()));
    }
});
