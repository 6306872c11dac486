//! Data files that are missing, damaged or not what they should be.

mod common;

use common::{Desk, exists, small_desk};
use kamado_data::idx::{Idx, write_idx};

/// Trains from a desk whose data are damaged; nothing may be left behind.
fn refused(desk: &Desk, words: &[&str]) {
    desk.kamado(&["train", "small.toml", "--out", "out"]).failed(1, words);
    assert!(!exists(&desk.path("out")), "nothing was trained, so nothing may be written");
}

/// An IDX header with these sizes and no elements.
fn header(sizes: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes
}

#[test]
fn sound_files_are_read() {
    small_desk().kamado(&["train", "small.toml", "--out", "out"]).ok();
}

#[test]
fn missing() {
    let desk = small_desk();
    std::fs::remove_file(desk.path("data/train-labels")).unwrap();
    refused(&desk, &["train-labels", "Check the path"]);
}

#[test]
fn empty() {
    let desk = small_desk();
    desk.write("data/train-images", "");
    refused(&desk, &["train-images", "empty"]);
}

#[test]
fn truncated() {
    let desk = small_desk();
    let whole = desk.read("data/train-images");
    for length in [1, 3, 7, 15, whole.len() - 1] {
        desk.write("data/train-images", &whole[..length]);
        refused(&desk, &["train-images", "expected"]);
    }
}

#[test]
fn longer_than_it_says() {
    let desk = small_desk();
    let mut bytes = desk.read("data/train-labels");
    bytes.push(0);
    desk.write("data/train-labels", bytes);
    refused(&desk, &["train-labels", "expected"]);
}

#[test]
fn corrupted_gzip() {
    let desk = small_desk();
    let idx = Idx { shape: vec![40, 4, 4], data: (0..640).map(|i| (i * i % 251) as u8).collect() };
    write_idx(desk.path("data/images.gz"), &idx).unwrap();
    let whole = desk.read("data/images.gz");
    for position in [12, whole.len() / 2, whole.len() - 6] {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x55;
        desk.write("data/train-images", bytes);
        refused(&desk, &["train-images"]);
    }
    desk.write("data/train-images", &whole[..whole.len() / 2]);
    refused(&desk, &["train-images"]);
}

#[test]
fn images_and_labels_of_different_numbers() {
    let desk = small_desk();
    write_idx(desk.path("data/train-labels"), &Idx { shape: vec![39], data: vec![1; 39] }).unwrap();
    refused(&desk, &["train-labels", "as many labels as", "(40)", "found 39"]);
}

#[test]
fn images_and_labels_exchanged() {
    let desk = small_desk();
    let (images, labels) = (desk.read("data/train-images"), desk.read("data/train-labels"));
    desk.write("data/train-images", labels);
    desk.write("data/train-labels", images);
    refused(&desk, &["exchanged"]);
}

#[test]
fn wrong_magic() {
    let desk = small_desk();
    for start in [b"PK\x03\x04".as_slice(), b"\x00\x00\x0d\x03", b"\x01\x00\x08\x03", b"<htm"] {
        let mut bytes = desk.read("data/test-images");
        bytes[..4].copy_from_slice(start);
        let other = common::small_desk();
        other.write("data/train-images", bytes);
        refused(&other, &["train-images", "expected"]);
    }
}

#[test]
fn sizes_that_overflow_or_lie() {
    let desk = small_desk();
    for sizes in [[u32::MAX; 3].as_slice(), &[u32::MAX, u32::MAX, 1], &[4_000_000_000, 28, 28], &[0, 4, 4], &[40, 0, 4]]
    {
        desk.write("data/train-images", header(sizes));
        refused(&desk, &["train-images"]);
    }
    desk.write("data/train-images", header(&[2; 255]));
    refused(&desk, &["train-images"]);
}

#[test]
fn a_test_set_of_another_shape() {
    let desk = small_desk();
    write_idx(desk.path("data/test-images"), &Idx { shape: vec![40, 2, 2], data: vec![9; 160] }).unwrap();
    refused(&desk, &["test-images", "same shape"]);
}

#[test]
fn mnist_that_is_not_there() {
    let desk = Desk::new();
    desk.kamado(&["train", "mnist"]).failed(1, &["kamado fetch mnist", "--data DIR"]);
    desk.kamado(&["train", "mnist", "--data", "nowhere"]).failed(1, &["nowhere"]);
    desk.small_idx("other");
    desk.kamado(&["train", "mnist", "--data", "other"]).failed(1, &["train-images"]);
    assert!(!exists(&desk.path("runs")));
}
