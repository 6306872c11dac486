//! Any text has a uniform spelling, which is its own, and words.
#![no_main]

use kamado_data::text::{Normalise, words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    Normalise { html: true, urls: true, ..Normalise::default() }.apply(text);
    let spaces = Normalise { whitespace: true, ..Normalise::nothing() };
    let once = spaces.apply(text);
    assert_eq!(spaces.apply(&once), once);
    assert_eq!(words(text).collect::<String>(), text.split_whitespace().collect::<String>());
});
