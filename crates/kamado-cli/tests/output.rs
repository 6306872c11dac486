//! Where results go, and what happens when they cannot.
#![cfg(unix)]

mod common;

use common::{Done, RUN_FILES, exists, small_desk};

#[test]
fn each_run_gets_a_directory_of_its_own() {
    let desk = small_desk();
    let first = desk.kamado(&["train", "small.toml"]).ok();
    assert!(first.out.contains("kamado evaluate runs/small-1\n"), "{}", first.out);
    desk.kamado(&["train", "small.toml"]).ok();
    assert_eq!(desk.list("runs"), ["small-1", "small-2"]);
    assert_eq!(desk.list("runs/small-1"), RUN_FILES);
    assert_eq!(desk.list("runs/small-2"), RUN_FILES);
}

#[test]
fn the_previous_model_is_kept() {
    let desk = small_desk();
    desk.kamado(&["train", "small.toml", "--out", "deep/out"]).ok();
    let first = desk.read("deep/out/model.safetensors");
    desk.kamado(&["train", "small.toml", "--out", "deep/out", "--seed", "8"]).ok();
    assert_eq!(desk.read("deep/out/model.previous.safetensors"), first);
    assert_ne!(desk.read("deep/out/model.safetensors"), first);
}

#[test]
fn files_of_others_are_left_alone() {
    let desk = small_desk();
    desk.kamado(&["train", "small.toml", "--out", "data"]).failed(2, &["data", "not of a training run"]);
    assert_eq!(desk.list("data").len(), 4);
}

#[test]
fn the_recipe_beside_the_model_gives_the_same_model() {
    let desk = small_desk();
    desk.kamado(&["train", "small.toml", "--out", "a", "--epochs", "1", "--batch-size", "8", "--seed", "3"]).ok();
    desk.kamado(&["train", "a/recipe.toml", "--out", "b"]).ok();
    assert_eq!(desk.read("a/recipe.toml"), desk.read("b/recipe.toml"));
    assert_eq!(desk.read("a/model.safetensors"), desk.read("b/model.safetensors"));
    // From another directory, too: the recipe knows where the data are.
    std::fs::create_dir(desk.path("elsewhere")).unwrap();
    let mut command = desk.command();
    command.args(["evaluate", "../a", "--json"]).current_dir(desk.path("elsewhere"));
    Done::of(command.output().unwrap()).ok();
}

#[test]
fn a_directory_that_cannot_be_written_is_noticed_before_training() {
    let desk = small_desk();
    desk.write("file", "");
    for out in ["file", "file/below", "/proc/kamado"] {
        let done = desk.kamado(&["train", "small.toml", "--out", out]).failed(1, &["cannot write", out, "--out DIR"]);
        assert!(!done.out.contains("Epoch"), "{}", done.out);
    }
    desk.write("runs", "a file");
    desk.kamado(&["train", "small.toml"]).failed(1, &["runs"]);
}

/// Files may have at most two blocks, so the model does not fit but the probe does.
#[test]
fn a_file_that_cannot_grow_leaves_nothing_half_written() {
    let desk = small_desk();
    let script =
        format!("trap '' XFSZ; ulimit -f 2; exec '{}' train small.toml --out out", env!("CARGO_BIN_EXE_kamado"));
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(desk.path(".")).output().unwrap();
    Done::of(output).failed(1, &["out/model.safetensors", "File too large"]);
    assert!(!exists(&desk.path("out")), "an empty directory serves nobody");
}

#[test]
fn a_full_disk_leaves_the_earlier_run_as_it_was() {
    let desk = small_desk();
    desk.write("wide.toml", common::SMALL.replace("units = 8", "units = 4096"));
    std::fs::create_dir(desk.path("disk")).unwrap();
    // A file system of its own that only this process sees and that goes with it.
    let script = format!(
        "mount -t tmpfs -o size=128k tmpfs disk || exit 77
         '{kamado}' train small.toml --out disk/out >/dev/null || exit 78
         before=$(cksum disk/out/*)
         '{kamado}' train wide.toml --out disk/out; code=$?
         test \"$before\" = \"$(cksum disk/out/*)\" || echo DIFFERENT >&2
         ls -A disk/out | tr '\\n' ' '
         exit $code",
        kamado = env!("CARGO_BIN_EXE_kamado")
    );
    let mut command = std::process::Command::new("unshare");
    let Ok(output) = command.args(["--mount", "sh", "-c", &script]).current_dir(desk.path(".")).output() else {
        return;
    };
    if output.status.code() == Some(77) || String::from_utf8_lossy(&output.stderr).starts_with("unshare") {
        return; // Only an administrator may mount; the test above needs no rights.
    }
    let done = Done::of(output).failed(1, &["model.safetensors", "No space left"]);
    assert!(!done.err.contains("DIFFERENT"), "{}", done.err);
    assert!(!done.out.contains(".model"), "no temporary file may stay: {}", done.out);
}
