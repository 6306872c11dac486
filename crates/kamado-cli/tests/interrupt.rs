//! Ctrl-C, and two runs at once.
#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::{Desk, Done, RUN_FILES, small_desk};

/// Trains for ever, in the third epoch calls `meanwhile` and sends `signal`, and gives what came of it.
fn interrupted_by(desk: &Desk, signal: &str, meanwhile: impl FnOnce()) -> Done {
    let mut child = desk
        .command()
        .args(["train", "small.toml", "--epochs", "1000000", "--out", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().starts_with("Epoch 3/")), "it never came to the third epoch");
    meanwhile();
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let rest: Vec<String> = lines.map(|line| line.unwrap()).collect();
    let mut output = child.wait_with_output().unwrap();
    output.stdout = rest.join("\n").into_bytes();
    Done::of(output)
}

#[test]
fn ctrl_c_saves_a_model_that_works() {
    for signal in ["-INT", "-TERM"] {
        let desk = small_desk();
        let done = interrupted_by(&desk, signal, || ());
        assert_eq!(done.code, 130, "{done:?}");
        assert!(done.err.contains("finishing this step"), "{done:?}");
        assert!(done.out.contains("Interrupted: the weights reached so far are saved."), "{done:?}");
        assert!(done.out.contains("kamado train --resume out"), "{done:?}");
        assert_eq!(desk.list("out"), [&["checkpoints"], RUN_FILES.as_slice()].concat());
        desk.kamado(&["evaluate", "out"]).ok();
        let history: serde_json::Value = serde_json::from_slice(&desk.read("out/history.json")).unwrap();
        assert!(history["epochs"].as_array().unwrap().len() >= 2, "{history}");
        assert!(history.get("test").is_none(), "{history}");
    }
}

#[test]
fn a_second_run_keeps_out_of_the_directory_of_the_first() {
    let desk = small_desk();
    let done = interrupted_by(&desk, "-INT", || {
        let second = desk.kamado(&["train", "small.toml", "--out", "out"]);
        second.failed(1, &["another run is writing to", "give another --out DIR"]);
    });
    assert_eq!(done.code, 130, "{done:?}");
    let anew = desk.kamado(&["train", "small.toml", "--out", "out"]);
    anew.failed(1, &["holds the checkpoints of a run, which a new one would replace", "--resume DIR"]);
}
