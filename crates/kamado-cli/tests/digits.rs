//! The main job, end to end: raw digits in; a trained, evaluated, saved network out; pictures named.

mod common;

use std::sync::OnceLock;

use common::{Desk, RUN_FILES};
use kamado_data::{FeatureData, Labels, sources::digits};
use serde_json::Value;

/// A desk with the run of `kamado train digits` in `runs/digits-1`, and what the command said.
fn trained() -> &'static (Desk, String) {
    static TRAINED: OnceLock<(Desk, String)> = OnceLock::new();
    TRAINED.get_or_init(|| {
        let desk = Desk::new();
        let done = desk.kamado(&["train", "digits"]).ok();
        (desk, done.out)
    })
}

fn json(desk: &Desk, file: &str) -> Value {
    serde_json::from_slice(&desk.read(file)).unwrap()
}

#[test]
fn the_digits_are_learnt() {
    let (desk, said) = trained();
    assert_eq!(desk.list("runs/digits-1"), RUN_FILES);
    let history = json(desk, "runs/digits-1/history.json");
    let accuracy = history["test"]["accuracy"].as_f64().unwrap();
    assert!(accuracy >= 0.965, "{accuracy}\n{said}");
    let epochs = history["epochs"].as_array().unwrap();
    let keys = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "waited"];
    for (i, epoch) in epochs.iter().enumerate() {
        assert_eq!(epoch["epoch"], i as u64 + 1);
        keys.iter().for_each(|key| assert!(epoch[key].is_number(), "{key} is not in {epoch}"));
    }
    let run = json(desk, "runs/digits-1/run.json");
    assert_eq!((&run["seed"], &run["config"]["train"]["batch_size"]), (&7.into(), &32.into()));
    assert!(run["baseline"]["accuracy"].as_f64().unwrap() < 0.2, "{run}");
    for (i, (part, examples)) in [("train", 1258), ("validation", 180), ("test", 359)].into_iter().enumerate() {
        assert_eq!((&run["data"][i]["part"], &run["data"][i]["examples"]), (&part.into(), &examples.into()));
        assert_eq!(run["data"][i]["sha256"].as_str().map(str::len), Some(64));
    }
}

#[test]
fn what_is_said_is_what_keras_users_know() {
    let (_, said) = trained();
    for words in
        ["Data: digits: 1,258 training, 180 validation, 359 test examples of 8x8x1; 10 classes", "Total params:"]
    {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    let lines: Vec<&str> = said.lines().collect();
    let epoch = lines.iter().position(|line| line.starts_with("Epoch 1/")).unwrap();
    let words: Vec<&str> = lines[epoch + 1].split(' ').collect();
    assert_eq!(words[0], "40/40");
    let names: Vec<&str> = words.iter().filter_map(|word| word.strip_suffix(':')).collect();
    assert_eq!(names, ["loss", "accuracy", "val_loss", "val_accuracy"]);
    assert!(words[3].ends_with("/step"), "{words:?}");
    assert!(lines.iter().any(|line| line.starts_with("Test (359 examples): loss: ")), "{said}");
    assert!(lines.iter().any(|line| line.starts_with("Baseline: always class ")), "{said}");
    assert!(said.contains("  kamado predict runs/digits-1 IMAGE.png\n"), "{said}");
    assert!(!said.contains('\x1b') && !said.contains('\r'), "no terminal, no escape codes");
}

#[test]
fn evaluation_repeats_the_result() {
    let (desk, _) = trained();
    let history = json(desk, "runs/digits-1/history.json");
    for model in ["runs/digits-1", "runs/digits-1/model.safetensors"] {
        let done = desk.kamado(&["evaluate", model, "--json"]).ok();
        let evaluated: Value = serde_json::from_str(&done.out).unwrap();
        assert_eq!(evaluated["test"], history["test"]);
    }
}

#[test]
fn the_summary_of_a_model_is_that_of_its_recipe() {
    let (desk, said) = trained();
    let of_model = desk.kamado(&["summary", "runs/digits-1"]).ok().out;
    assert_eq!(of_model, desk.kamado(&["summary", "digits"]).ok().out);
    assert!(said.contains(of_model.trim_end()), "{of_model}");
}

/// Pictures as people have them: small and light on dark, or large and dark on light.
#[test]
fn pictures_are_named() {
    let (desk, _) = trained();
    let data = digits::load().unwrap();
    let (FeatureData::U8(pixels), Labels::Classes { indices, .. }) = (&data.features().data, data.labels()) else {
        panic!("the digits are bytes and classes");
    };
    let (mut right, mut files) = (0, Vec::new());
    for (i, digit) in pixels.chunks_exact(64).enumerate().take(20) {
        let grey = |x: u32, y: u32| digit[(y * 8 + x) as usize] * 15;
        let small = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([grey(x, y)]));
        let large = image::GrayImage::from_fn(160, 160, |x, y| {
            let inside = (32..128).contains(&x) && (32..128).contains(&y);
            image::Luma([255 - if inside { grey((x - 32) / 12, (y - 32) / 12) } else { 0 }])
        });
        for (picture, size) in [(small, "small"), (large, "large")] {
            files.push(format!("{size}-{i}.png"));
            picture.save(desk.path(&files[files.len() - 1])).unwrap();
        }
    }
    let words: Vec<&str> =
        ["predict", "runs/digits-1", "--json"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let said = desk.kamado(&words).ok().out;
    for (i, line) in said.lines().enumerate() {
        let prediction: Value = serde_json::from_str(line).unwrap();
        let large = i % 2 == 1;
        assert_eq!(prediction["image"], files[i]);
        assert_eq!((&prediction["inverted"], &prediction["resized"]), (&large.into(), &large.into()), "{line}");
        assert_eq!(prediction["runners_up"].as_array().map(Vec::len), Some(2));
        assert!((0.0..=1.0).contains(&prediction["probability"].as_f64().unwrap()), "{line}");
        let label = indices[i / 2].to_string();
        right += usize::from(prediction["label"].as_str() == Some(&label));
    }
    assert!(right >= 36, "{right} of 40 pictures are named rightly\n{said}");
    let sentence = desk.kamado(&["predict", "runs/digits-1", "large-0.png"]).ok().out;
    assert!(sentence.starts_with("large-0.png: ") && sentence.contains(" %), then "), "{sentence}");
    assert!(sentence.contains("160x160, inverted"), "{sentence}");
}
