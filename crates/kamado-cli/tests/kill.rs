//! kill -9 at any moment, and a disk that is full: the run goes on as if nothing had happened.
#![cfg(unix)]

mod common;

use std::hash::{BuildHasher, RandomState};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Desk, Done, SMALL, exists, small_desk};
use serde_json::Value;

/// A desk with a recipe whose checkpoints are written all the time.
fn busy_desk() -> Desk {
    let desk = small_desk();
    let keep = "\n[train.checkpoint]\nevery_steps = 2\nkeep_last = 2\nkeep_best = \"val_loss\"\n";
    desk.write("busy.toml", SMALL.replace("epochs = 2", "epochs = 100") + keep);
    desk
}

/// The words to begin the run in `out` or to go on with it.
fn words(desk: &Desk) -> Vec<&'static str> {
    let begun =
        exists(&desk.path("out/checkpoints")) && desk.list("out/checkpoints").iter().any(|n| n.starts_with("step-"));
    if begun { vec!["train", "--resume", "out"] } else { vec!["train", "busy.toml", "--out", "out"] }
}

/// The numbers of all epochs, without times.
fn scores(desk: &Desk, file: &str) -> Vec<Value> {
    let mut history: Value = serde_json::from_slice(&desk.read(file)).unwrap();
    let epochs = history["epochs"].as_array_mut().unwrap();
    for epoch in epochs.iter_mut() {
        epoch.as_object_mut().unwrap().retain(|key, _| key != "seconds" && key != "waited");
    }
    std::mem::take(epochs)
}

fn survives(kills: u32) {
    let desk = busy_desk();
    let start = Instant::now();
    desk.kamado(&["train", "busy.toml", "--out", "whole"]).ok();
    let whole = start.elapsed();
    let mut killed = 0;
    let mut runs = 0;
    while killed < kills {
        let mut child = desk.command().args(words(&desk)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let chance = RandomState::new().hash_one(killed) as f64 / u64::MAX as f64;
        std::thread::sleep(Duration::from_secs_f64(chance * whole.as_secs_f64() / 4.0));
        if child.try_wait().unwrap().is_none() {
            killed += 1;
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            None => {}
            Some(code) => {
                assert_eq!(code, 0, "{}", String::from_utf8_lossy(&output.stderr));
                compare(&desk);
                runs += 1;
                std::fs::remove_dir_all(desk.path("out")).unwrap();
            }
        }
    }
    desk.kamado(&words(&desk)).ok();
    compare(&desk);
    println!("{killed} kills, {} runs", runs + 1);
}

fn compare(desk: &Desk) {
    assert_eq!(desk.read("out/model.safetensors"), desk.read("whole/model.safetensors"));
    assert_eq!(scores(desk, "out/history.json"), scores(desk, "whole/history.json"));
}

#[test]
fn a_killed_run_goes_on_with_the_same_bits() {
    survives(8);
}

/// `cargo test --release -p kamado-cli --test kill -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes; eight kills are part of every run"]
fn a_hundred_kills() {
    survives(100);
}

#[test]
fn a_full_disk_leaves_the_last_good_checkpoint() {
    let desk = busy_desk();
    desk.kamado(&["train", "busy.toml", "--out", "whole"]).ok();
    let mut child = desk.command().args(["train", "busy.toml", "--out", "out"]).stdout(Stdio::null()).spawn().unwrap();
    while !words(&desk).contains(&"--resume") {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Files of more than one block cannot be written any more; the signal that says so is ignored.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" train --resume out";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_kamado")]).current_dir(desk.path(""));
    let done = Done::of(command.output().unwrap());
    assert!(done.err.contains("warning: no checkpoint could be written: cannot write"), "{done:?}");
    assert!(done.code == 1 && done.err.contains("error: cannot write"), "{done:?}");
    desk.kamado(&["train", "--resume", "out"]).ok();
    compare(&desk);
}

#[test]
fn a_recipe_is_proved_to_go_on_with_the_same_bits() {
    let desk = small_desk();
    for cut in ["0.0", "0.4", "1"] {
        let said = desk.kamado(&["verify-resume", "small.toml", "--cut", cut]).ok().out;
        assert!(said.contains("taken up again: all") && said.contains("are the same, bit for bit."), "{said}");
    }
    let said = desk.kamado(&["verify-resume", "small.toml", "--json"]).ok().out;
    let verdict: Value = serde_json::from_str(&said).unwrap();
    assert!(verdict["difference"].is_null() && verdict["steps"] == 14 && verdict["weights"] == 154, "{verdict}");
    desk.kamado(&["verify-resume", "small.toml", "--cut", "2"]).failed(2, &["--cut cannot be 2", "from 0 to 1"]);
    assert_eq!(desk.list("."), ["data", "small.toml"]);
}
