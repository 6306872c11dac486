//! Runs the real command.
#![allow(dead_code, unreachable_pub)] // every test file uses a part

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kamado_data::idx::{Idx, write_idx};
use tempfile::TempDir;

/// A directory to work in, and the command in it.
pub struct Desk {
    dir: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        Desk { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The names in a directory, hidden ones too, sorted.
    pub fn list(&self, name: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(name)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kamado"));
        command.current_dir(self.dir.path()).env("KAMADO_CACHE", self.path("cache"));
        command
    }

    /// Runs `kamado` with these words. It must end by itself and never panic.
    pub fn kamado(&self, words: &[&str]) -> Done {
        Done::of(self.command().args(words).output().unwrap())
    }

    /// Four small files in the format of MNIST: twenty images of 4x4 pixels for each of two classes.
    pub fn small_idx(&self, folder: &str) {
        std::fs::create_dir_all(self.path(folder)).unwrap();
        for part in ["train", "test"] {
            let labels: Vec<u8> = (0..40).map(|i| i % 2).collect();
            // Class 1 is light above, class 0 is light below; the example's number makes each different.
            let light = |label: u8, pixel: u8, i: u8| if (pixel < 8) == (label == 1) { 200 + i } else { i };
            let images = labels.iter().enumerate();
            let images =
                images.flat_map(|(i, &label)| (0..16).map(move |pixel| light(label, pixel, i as u8))).collect();
            let file = |kind: &str| self.path(&format!("{folder}/{part}-{kind}"));
            write_idx(file("images"), &Idx { shape: vec![40, 4, 4], data: images }).unwrap();
            write_idx(file("labels"), &Idx { shape: vec![40], data: labels }).unwrap();
        }
    }
}

impl Done {
    pub fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let done =
            Done { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!done.err.contains("panicked") && !done.out.contains("panicked"), "{done:?}");
        done
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }

    /// It failed with this exit code, and said all of this.
    pub fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        assert!(self.err.starts_with("error: "), "{}", self.err);
        words.iter().for_each(|word| assert!(self.err.contains(word), "{word:?} is not in\n{}", self.err));
        self
    }
}

/// A recipe for `small_idx("data")`.
pub const SMALL: &str = r#"[data]
source = "idx"
path = "data"
train_images = "train-images"
train_labels = "train-labels"
test_images = "test-images"
test_labels = "test-labels"
validation_split = 0.2

[model]
layers = [
  { type = "flatten" },
  { type = "dense", units = 8, activation = "relu" },
  { type = "dense", units = 2, activation = "softmax" },
]

[train]
loss = "sparse_categorical_crossentropy"
metrics = ["accuracy"]
epochs = 2
batch_size = 5
seed = 7
"#;

/// A desk with the small data and the recipe `small.toml`.
pub fn small_desk() -> Desk {
    let desk = Desk::new();
    desk.small_idx("data");
    desk.write("small.toml", SMALL);
    desk
}

/// The names of the files of a run.
pub const RUN_FILES: [&str; 4] = ["history.json", "model.safetensors", "recipe.toml", "run.json"];

pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
