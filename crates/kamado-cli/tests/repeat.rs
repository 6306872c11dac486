//! The same seed gives the same bits, and machines can read what is said.

mod common;

use common::{RUN_FILES, small_desk};
use serde_json::Value;

#[test]
fn the_same_seed_gives_the_same_file() {
    let desk = small_desk();
    let model = |words: &[&str], out: &str| {
        desk.kamado(&[&["train", "small.toml", "--out", out], words].concat()).ok();
        desk.read(&format!("{out}/model.safetensors"))
    };
    let first = model(&[], "a");
    assert_eq!(model(&[], "b"), first);
    assert_ne!(model(&["--seed", "8"], "c"), first);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let desk = small_desk();
    for threads in ["1", "2", "3"] {
        desk.kamado(&["train", "digits", "--epochs", "1", "--out", threads, "--threads", threads]).ok();
        assert_eq!(desk.read(&format!("{threads}/model.safetensors")), desk.read("1/model.safetensors"), "{threads}");
    }
}

#[test]
fn json_is_one_object_per_epoch_and_one_at_the_end() {
    let desk = small_desk();
    let said = desk.kamado(&["train", "small.toml", "--json", "--epochs", "3"]).ok().out;
    let objects: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 4);
    for (i, epoch) in objects[..3].iter().enumerate() {
        assert_eq!(epoch["epoch"], i as u64 + 1);
        let keys = ["loss", "accuracy", "val_loss", "val_accuracy", "seconds"];
        keys.iter().for_each(|key| assert!(epoch[key].is_number(), "{key} is not in {epoch}"));
    }
    let end = &objects[3];
    assert!(end["test"]["loss"].is_number() && end["test"]["accuracy"].is_number(), "{end}");
    assert_eq!((&end["interrupted"], &end["out"]), (&false.into(), &"runs/small-1".into()));
    assert!(end["baseline"]["accuracy"].is_number(), "{end}");
    assert_eq!(desk.list("runs/small-1"), RUN_FILES);
}

#[test]
fn the_other_commands_say_what_they_should() {
    let desk = small_desk();
    let listed = desk.kamado(&["recipes"]).ok().out;
    for name in ["digits", "mnist", "mnist-plus", "cifar10"] {
        assert!(listed.contains(&format!("\n{name} ")) || listed.starts_with(&format!("{name} ")), "{listed}");
        let toml = desk.kamado(&["recipes", name]).ok().out;
        desk.write("printed.toml", toml);
        let printed = desk.kamado(&["summary", "printed.toml"]).ok().out;
        assert_eq!(printed, desk.kamado(&["summary", name]).ok().out);
    }
    let reference = desk.kamado(&["summary", "mnist"]).ok().out;
    assert!(reference.contains("1,385,482"), "the reference network has 1,385,482 weights:\n{reference}");
    for words in [["--help"].as_slice(), &["train", "--help"], &["--version"]] {
        desk.kamado(words).ok();
    }
    assert!(desk.kamado(&["train", "--help"]).ok().out.contains("kamado train digits"));
}
