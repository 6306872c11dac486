//! Any bytes are a model file that writes itself out again, or an error.
#![no_main]

use kamado_nn::model_file::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = parse(bytes) {
        assert!(file.model.inference_graph().is_ok(), "a model that was read can be used");
    }
});
