//! Any text is a recipe that reads back the same, or an error.
#![no_main]

use kamado_train::recipe::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(recipe) = Recipe::parse("fuzz.toml", text) {
        let again = Recipe::parse("fuzz.toml", &recipe.to_toml()).expect("a recipe that was written can be read");
        assert_eq!(again, recipe);
    }
});
