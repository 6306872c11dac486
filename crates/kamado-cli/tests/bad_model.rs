//! Model files that are damaged or made up.

mod common;

use std::sync::OnceLock;

use common::{Desk, small_desk};
use kamado_nn::layers::LayerConfig;
use kamado_nn::model_file;

/// A sound model of the small data, trained once.
fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| {
        let desk = small_desk();
        desk.kamado(&["train", "small.toml", "--out", "out"]).ok();
        desk.read("out/model.safetensors")
    })
}

/// No command may work with these bytes as a model.
fn refused(desk: &Desk, bytes: &[u8], words: &[&str]) {
    desk.write("m.safetensors", bytes);
    desk.write("picture.png", png());
    let words: Vec<&str> = words.iter().copied().chain(["m.safetensors"]).collect();
    desk.kamado(&["evaluate", "m.safetensors", "--data", "data"]).failed(1, &words);
    desk.kamado(&["predict", "m.safetensors", "picture.png"]).failed(1, &words);
    desk.kamado(&["summary", "m.safetensors"]).failed(1, &words);
}

fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(4, 4, image::Luma([99])).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn a_sound_model_is_used() {
    let desk = small_desk();
    desk.write("m.safetensors", sound());
    desk.write("picture.png", png());
    let evaluated = desk.kamado(&["evaluate", "m.safetensors", "--data", "data"]).ok();
    assert!(evaluated.out.starts_with("Test (40 examples): loss: "), "{}", evaluated.out);
    desk.kamado(&["predict", "m.safetensors", "picture.png"]).ok();
    desk.kamado(&["summary", "m.safetensors"]).ok();
}

#[test]
fn missing_or_empty() {
    let desk = small_desk();
    desk.kamado(&["evaluate", "none.safetensors"]).failed(1, &["none.safetensors"]);
    desk.kamado(&["evaluate", "data"]).failed(1, &["model.safetensors"]);
    refused(&desk, b"", &[]);
    refused(&desk, b"not a model", &[]);
}

#[test]
fn truncated() {
    let desk = small_desk();
    let whole = sound();
    for length in [4, 8, 100, whole.len() / 2, whole.len() - 1] {
        refused(&desk, &whole[..length], &[]);
    }
}

#[test]
fn flipped_bytes() {
    let desk = small_desk();
    let whole = sound();
    for position in [0, 9, 40, whole.len() / 3, whole.len() - 3] {
        let mut bytes = whole.to_vec();
        bytes[position] ^= 0x10;
        refused(&desk, &bytes, &[]);
    }
}

#[test]
fn a_huge_header() {
    let desk = small_desk();
    for length in [u64::MAX, 1 << 62, 1 << 40, sound().len() as u64] {
        let mut bytes = sound().to_vec();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        refused(&desk, &bytes, &[]);
    }
}

#[test]
fn weights_that_do_not_fit_the_architecture() {
    let desk = small_desk();
    let mut file = model_file::parse(sound()).unwrap();
    let Some(LayerConfig::Dense(dense)) = file.model.spec.layers.get_mut(1).map(|layer| &mut layer.config) else {
        panic!("the second layer is dense");
    };
    dense.units = 9;
    refused(&desk, &model_file::to_bytes(&file).unwrap(), &["dense"]);
}

#[test]
fn a_model_of_other_makers() {
    let desk = small_desk();
    let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat();
    refused(&desk, &bytes, &[]);
}

#[test]
fn pictures_that_are_none() {
    let desk = small_desk();
    desk.write("m.safetensors", sound());
    desk.write("good.png", png());
    desk.write("cut.png", &png()[..30]);
    desk.write("text.png", "no picture");
    desk.write("empty.jpg", "");
    let done = desk.kamado(&["predict", "m.safetensors", "cut.png", "text.png", "good.png", "empty.jpg", "none.png"]);
    let done = done.failed(1, &["cut.png", "text.png", "empty.jpg", "none.png"]);
    assert!(done.out.starts_with("good.png: ") && done.out.lines().count() == 1, "{}", done.out);
}
