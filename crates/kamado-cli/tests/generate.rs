//! A model of a text, from training to its continuations.

mod common;

use common::{Desk, Done};
use serde_json::Value;

/// A text in which every character says what the next one is.
const CYCLE: &str = "abcdé\n";

const RECIPE: &str = r#"[data]
source = "text"
path = "cycle.txt"
sequence_length = 8

[model]
layers = [
  { type = "embedding", input_dim = 6, output_dim = 8 },
  { type = "dense", units = 6, activation = "softmax" },
]

[train]
loss = "sparse_categorical_crossentropy"
optimizer = { type = "adam", learning_rate = 0.05 }
epochs = 12
batch_size = 4
seed = 5
"#;

/// A desk with a model of the cycle in `run`.
fn trained() -> Desk {
    let desk = Desk::new();
    desk.write("cycle.txt", CYCLE.repeat(100));
    desk.write("cycle.toml", RECIPE);
    let done = desk.kamado(&["train", "cycle.toml", "--out", "run"]).ok();
    assert!(done.out.contains("kamado generate run --prompt"), "{}", done.out);
    desk
}

fn generate(desk: &Desk, words: &[&str]) -> Done {
    desk.kamado(&[&["generate", "run"], words].concat())
}

#[test]
fn a_text_goes_on_as_it_was_learned() {
    let desk = trained();
    // Far beyond the eight tokens that the model takes in.
    let text = CYCLE.repeat(5);
    let greedy = ["--prompt", "abcd", "--tokens", "26", "--temperature", "0"];
    assert_eq!(generate(&desk, &greedy).ok().out, format!("{text}\n"));

    let beam = ["--prompt", "abcd", "--tokens", "4", "--beam", "3"];
    assert_eq!(generate(&desk, &beam).ok().out, "abcdé\nab\n");

    let done =
        generate(&desk, &["--prompt", "ab", "--tokens", "3", "--temperature", "0", "--seed", "9", "--json"]).ok();
    let json: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&json["prompt"], &json["text"], &json["seed"]), (&"ab".into(), &"cdé".into(), &9.into()));

    let draw =
        |seed| generate(&desk, &["--prompt", "a", "--tokens", "40", "--temperature", "3", "--seed", seed]).ok().out;
    assert_eq!(draw("1"), draw("1"));
    assert_ne!(draw("1"), draw("2"));
}

#[test]
fn what_cannot_be_continued_is_refused() {
    let desk = trained();
    generate(&desk, &["--prompt", "abz"]).failed(1, &["'z'", "place 2", "not one that the model knows"]);
    generate(&desk, &["--prompt", ""]).failed(1, &["the prompt is empty"]);
    generate(&desk, &["--prompt", "a", "--beam", "0"]).failed(1, &["a beam of width 0"]);
    generate(&desk, &["--prompt", "a", "--beam", "2", "--temperature", "1"]).failed(2, &["--beam"]);
}
