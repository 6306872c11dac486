//! Datasets from files and from the program itself.

use std::path::Path;

use kamado_data::idx::{Idx, write_idx};
use kamado_data::sources::{digits, idx_files, mnist};
use kamado_data::{Dataset, FeatureData, Features, Labels};

fn write_mnist(directory: &Path, part: &str, count: usize, dash: &str, gz: &str) {
    let data = (0..count * 6).map(|i| i as u8).collect();
    let images = Idx { shape: vec![count, 2, 3], data };
    let labels = Idx { shape: vec![count], data: (0..count).map(|i| (i % 10) as u8).collect() };
    write_idx(directory.join(format!("{part}-images{dash}idx3-ubyte{gz}")), &images).unwrap();
    write_idx(directory.join(format!("{part}-labels{dash}idx1-ubyte{gz}")), &labels).unwrap();
}

#[test]
fn digits_are_the_published_set() {
    let digits = digits::load().unwrap();
    assert_eq!((digits.len(), digits.shape()), (1797, &[8, 8, 1][..]));
    // The counts of scikit-learn's load_digits (numpy.bincount of its target).
    assert_eq!(digits.class_counts().unwrap(), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    let FeatureData::U8(pixels) = &digits.features().data else { panic!("digits are bytes") };
    // The first row of load_digits().data, and the sum of all pixels.
    assert_eq!(pixels[..16], [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]);
    assert_eq!(pixels.iter().map(|&x| u64::from(x)).sum::<u64>(), 561_718);
}

#[test]
fn mnist_is_found_under_its_usual_names() {
    for (dash, gz) in [("-", ""), ("-", ".gz"), (".", ""), (".", ".gz")] {
        let directory = tempfile::tempdir().unwrap();
        write_mnist(directory.path(), "train", 30, dash, gz);
        write_mnist(directory.path(), "t10k", 10, dash, gz);
        let data = mnist::load(directory.path()).unwrap();
        assert_eq!((data.train.len(), data.test.unwrap().len()), (30, 10));
        assert_eq!(data.train.shape(), [2, 3, 1]);
        assert_eq!(data.train.class_counts().unwrap(), [3; 10]);
    }
}

#[test]
fn mnist_that_is_missing_or_mixed_up_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let refusal = || mnist::load(path).unwrap_err().to_string();
    assert!(refusal().contains("kamado fetch mnist"));
    write_mnist(path, "train", 30, "-", "");
    assert!(refusal().contains("t10k-images-idx3-ubyte"));
    write_mnist(path, "t10k", 10, "-", "");
    write_idx(path.join("train-labels-idx1-ubyte"), &Idx { shape: vec![29], data: vec![1; 29] }).unwrap();
    assert!(refusal().contains("has images (30), found 29"), "{}", refusal());
    let labels: Vec<u8> = (0..30).map(|i| if i == 7 { 10 } else { 1 }).collect();
    write_idx(path.join("train-labels-idx1-ubyte"), &Idx { shape: vec![30], data: labels }).unwrap();
    assert!(refusal().contains("labels from 0 to 9, found 10 at position 7"), "{}", refusal());
    std::fs::rename(path.join("train-images-idx3-ubyte"), path.join("kept")).unwrap();
    std::fs::copy(path.join("train-labels-idx1-ubyte"), path.join("train-images-idx3-ubyte")).unwrap();
    assert!(refusal().contains("exchanged"), "{}", refusal());
    assert!(mnist::load(path.join("nowhere")).unwrap_err().to_string().contains("no such directory"));
}

#[test]
fn named_idx_files_give_their_classes() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    write_idx(path("x"), &Idx { shape: vec![4, 2, 2, 3], data: vec![9; 48] }).unwrap();
    write_idx(path("y"), &Idx { shape: vec![4], data: vec![0, 2, 0, 2] }).unwrap();
    write_idx(path("y-test"), &Idx { shape: vec![4], data: vec![0, 3, 0, 2] }).unwrap();
    let mut files = idx_files::IdxFiles {
        train_images: path("x"),
        train_labels: path("y"),
        test_images: None,
        test_labels: Some(path("y-test")),
    };
    assert!(idx_files::load(&files).unwrap_err().to_string().contains("only one of the two"));
    files.test_images = Some(path("x"));
    assert!(idx_files::load(&files).unwrap_err().to_string().contains("labels from 0 to 2, found 3"));
    files.test_labels = Some(path("y"));
    let data = idx_files::load(&files).unwrap();
    assert_eq!((data.train.shape(), data.train.class_names().unwrap().len()), (&[2, 2, 3][..], 3));
}

fn tiny() -> Dataset {
    let names = vec!["a".into(), "b".into()];
    let features = Features { shape: vec![2], data: FeatureData::U8((0..8).collect()), max_value: 7.0 };
    Dataset::new("tiny", features, Labels::Classes { indices: vec![0, 1, 1, 0], names }).unwrap()
}

#[test]
fn views_choose_rows_without_copying() {
    let view = tiny().subset(&[3, 1, 2]).unwrap().subset(&[2, 0]).unwrap();
    assert_eq!(view.rows().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(view.classes().unwrap(), [1, 0]);
    assert_eq!(view.class_counts().unwrap(), [1, 1]);
    assert!(view.subset(&[2]).is_err());
}

#[test]
fn the_hash_is_of_content_and_order() {
    let hash = |rows: &[usize]| tiny().subset(rows).unwrap().content_hash();
    // sha256sum of: [2] Some(["a", "b"]) followed by a space, then 2 bytes of pixels and 4 of label for each example.
    let bytes = b"[2] Some([\"a\", \"b\"]) \x02\x03\x01\0\0\0\0\x01\0\0\0\0";
    assert_eq!(hash(&[1, 0]), sha256(bytes));
    assert_eq!(hash(&[0, 1, 2, 3]), tiny().content_hash());
    assert_ne!(hash(&[0, 1]), hash(&[1, 0]));
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn datasets_that_do_not_fit_together_are_refused() {
    let features = |len: usize| Features { shape: vec![2], data: FeatureData::F32(vec![0.0; len]), max_value: 1.0 };
    let classes = |indices: Vec<i32>| Labels::Classes { indices, names: vec!["only".into()] };
    let refusal = |features, labels| Dataset::new("d", features, labels).unwrap_err().to_string();
    assert!(refusal(features(3), classes(vec![0])).contains("whole examples"));
    assert!(refusal(features(4), classes(vec![0])).contains("one label for each of 2 examples, found 1"));
    assert!(refusal(features(4), classes(vec![0, 1])).contains("class 1 at example 1"));
    assert!(refusal(features(4), classes(vec![0, -1])).contains("class -1 at example 1"));
    assert!(refusal(features(4), Labels::Values { width: 0, data: vec![] }).contains("one label"));
    let huge = Features { shape: vec![usize::MAX, 2], data: FeatureData::U8(vec![]), max_value: 1.0 };
    assert!(refusal(huge, classes(vec![])).contains("whole examples"));
}
