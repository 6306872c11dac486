//! Goals, logs, memory that is not there, and numbers that are not finite.

mod common;

use common::{SMALL, small_desk};

#[test]
fn a_goal_ends_training_and_every_log_is_written() {
    let desk = small_desk();
    let words = [
        "train",
        "small.toml",
        "--out",
        "out",
        "--epochs",
        "50",
        "--set",
        "train.stop_when=\"val_loss < 10\"",
        "--set",
        "train.log=[\"csv\", \"jsonl\", \"tensorboard\"]",
    ];
    let done = desk.kamado(&words).ok();
    assert!(done.out.contains("Ended before the last epoch: the goal val_loss < 10 is met"), "{done:?}");
    let csv = String::from_utf8(desk.read("out/history.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "epoch,loss,accuracy,val_loss,val_accuracy,seconds,waited");
    assert!(lines.len() == 2 && lines[1].starts_with("1,"), "{csv}");
    let jsonl: serde_json::Value = serde_json::from_slice(&desk.read("out/history.jsonl")).unwrap();
    let history: serde_json::Value = serde_json::from_slice(&desk.read("out/history.json")).unwrap();
    assert_eq!(jsonl, history["epochs"][0]);
    for part in ["train", "validation"] {
        let names = desk.list(&format!("out/tensorboard/{part}"));
        assert!(names.len() == 1 && names[0].starts_with("events.out.tfevents."), "{names:?}");
    }
}

#[test]
fn memory_that_is_not_there_is_refused_before_the_first_step() {
    let desk = small_desk();
    let output =
        desk.command().args(["train", "digits", "--out", "out"]).env("KAMADO_MEMORY", "100KB").output().unwrap();
    let done = common::Done::of(output);
    done.failed(
        1,
        &["training needs ", "for weights and the optimiser's state", "but 0 MB are free", "smaller batch_size"],
    );
    assert!(!common::exists(&desk.path("out")));
}

#[test]
fn a_loss_that_is_no_number_says_where_it_began_and_what_is_left() {
    let desk = small_desk();
    let wild = SMALL
        .replace(", activation = \"softmax\"", "")
        .replace("loss = \"sparse_categorical_crossentropy\"", "loss = \"mse\"");
    let wild = wild + "optimizer = { type = \"sgd\", learning_rate = 1e30 }\n[train.checkpoint]\nevery_steps = 1\n";
    desk.write("wild.toml", wild);
    let done = desk.kamado(&["train", "wild.toml", "--out", "out"]);
    let words = [
        "training has diverged",
        "appeared in epoch 1, step 2: in the forward pass",
        "smaller learning rate",
        "checkpoints/step-000000001",
    ];
    assert!(done.code == 1 && words.iter().all(|word| done.err.contains(word)), "{done:?}");
    assert_eq!(desk.list("out"), ["checkpoints"]);
}
