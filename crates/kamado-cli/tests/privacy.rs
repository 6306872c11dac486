//! `kamado privacy`

mod common;

use common::{Desk, Done, SMALL, exists, small_desk};
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

/// `SMALL` with a promise.
fn private(privacy: &str) -> String {
    format!("{SMALL}\n[privacy]\n{privacy}\n")
}

#[test]
fn a_private_run_has_a_certificate_and_one_that_is_not_has_none() {
    let desk = small_desk();
    desk.write("mine.toml", private("epsilon = 4.0\ndelta = 1e-3"));
    let done = desk.kamado(&["train", "mine.toml", "--out", "out"]).ok().out;
    for words in
        ["Private: noise multiplier", "epsilon: ", "Private: epsilon is at most", "kamado privacy certificate out"]
    {
        assert!(done.contains(words), "{words}: {done}");
    }
    let said = desk.kamado(&["privacy", "certificate", "out"]).ok().out;
    assert!(said.contains("-differentially private") && said.contains("Not covered:"), "{said}");
    let json = desk.kamado(&["privacy", "certificate", "out/model.safetensors", "--json"]).ok().out;
    let certificate: Value = serde_json::from_str(&json).unwrap();
    assert!(certificate["epsilon_upper"].as_f64() <= Some(4.0) && certificate["epsilon_upper"].as_f64() > Some(3.9));
    assert_eq!(certificate["private"], true);
    // A ledger that was cut, changed or lost.
    let ledger = String::from_utf8(desk.read("out/privacy.jsonl")).unwrap();
    desk.write("out/privacy.jsonl", ledger.lines().next().unwrap());
    desk.kamado(&["privacy", "certificate", "out"]).failed(1, &["or lacks its end"]);
    desk.write("out/privacy.jsonl", ledger.replace("\"steps\":", "\"steps\":1"));
    desk.kamado(&["privacy", "certificate", "out"]).failed(2, &["is damaged or was changed, in line 1"]);
    std::fs::remove_file(desk.path("out/privacy.jsonl")).unwrap();
    desk.kamado(&["privacy", "certificate", "out"]).failed(1, &["or lacks its end"]);
    desk.write("plain.toml", SMALL);
    desk.kamado(&["train", "plain.toml", "--out", "plain"]).ok();
    desk.kamado(&["privacy", "certificate", "plain"]).failed(1, &["was not trained privately"]);
}

#[test]
fn a_fixed_seed_and_wrong_sampling_are_not_private() {
    let desk = small_desk();
    desk.write("seeded.toml", private("epsilon = 4.0\ndelta = 1e-3\nnoise_seed = 3"));
    let done = desk.kamado(&["train", "seeded.toml", "--out", "out"]).ok();
    assert!(done.err.contains("NOT PRIVATE") && done.out.contains("NOT PRIVATE"), "{done:?}");
    let said = desk.kamado(&["privacy", "certificate", "out"]).ok().out;
    assert!(said.starts_with("Warning: NOT PRIVATE"), "{said}");
    desk.write("shuffled.toml", private("noise_multiplier = 1.0\ndelta = 1e-3\nsampling = \"shuffle\""));
    desk.kamado(&["train", "shuffled.toml", "--out", "other"])
        .failed(2, &["shuffled batches are not Poisson samples", "set it to \"poisson\""]);
    assert!(!exists(&desk.path("other")));
}
