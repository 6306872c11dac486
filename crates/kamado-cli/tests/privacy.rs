//! `kamado privacy`

mod common;

use common::{Desk, Done};
use serde_json::Value;

/// Asks about a run of 1,000 steps.
fn ask(words: &[&str]) -> Done {
    let run = ["--sampling-rate", "0.01", "--steps", "1000", "--delta", "1e-5"];
    Desk::new().kamado(&[&["privacy"], words, &run].concat())
}

#[test]
fn epsilon_and_calibration_are_each_others_inverse() {
    let noise: Value = serde_json::from_str(&ask(&["calibrate", "--epsilon", "2", "--json"]).ok().out).unwrap();
    let noise = noise["noise_multiplier"].to_string();
    let bounds: Value =
        serde_json::from_str(&ask(&["epsilon", "--noise-multiplier", &noise, "--json"]).ok().out).unwrap();
    let (lower, upper) = (bounds["epsilon_lower"].as_f64().unwrap(), bounds["epsilon_upper"].as_f64().unwrap());
    assert!(lower > 1.99 && lower <= upper && upper <= 2.0, "{bounds}");
    let sentence = ask(&["epsilon", "--noise-multiplier", &noise]).ok().out;
    assert!(sentence.starts_with("epsilon is at most 2.0000 (and at least 1.99"), "{sentence}");
}

#[test]
fn impossible_numbers_are_refused() {
    for noise in ["0", "-1", "nan", "inf"] {
        let noise = format!("--noise-multiplier={noise}");
        ask(&["epsilon", &noise]).failed(2, &["a noise multiplier of", "Choose 0.05 to 1000000"]);
    }
    ask(&["calibrate", "--epsilon", "nan"]).failed(2, &["an epsilon of NaN", "Both must be above 0"]);
}
