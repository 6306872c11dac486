//! Pictures in folders named after their classes.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use kamado_data::sources::image_folder;
use kamado_data::{FeatureData, ImageInput, Invert, Preprocessing, read_picture};

/// Writes a picture whose pixels are `color` everywhere but for the first, which is white.
fn paint(root: &Path, name: &str, (height, width): (u32, u32), color: [u8; 3]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut picture = RgbImage::from_pixel(width, height, Rgb(color));
    picture.put_pixel(0, 0, Rgb([255; 3]));
    picture.save(path).unwrap();
}

fn bytes(dataset: &kamado_data::Dataset) -> &[u8] {
    let FeatureData::U8(pixels) = &dataset.features().data else { panic!("pictures are bytes") };
    pixels
}

#[test]
fn classes_and_pictures_come_in_alphabetical_order() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    paint(root, "train/zebra/b.png", (2, 3), [40, 50, 60]);
    paint(root, "train/zebra/a.PNG", (2, 3), [70, 80, 90]);
    paint(root, "train/ant/9.png", (2, 3), [10, 20, 30]);
    paint(root, "test/zebra/1.png", (2, 3), [1, 2, 3]);
    paint(root, "train/.hidden/x.png", (9, 9), [0; 3]);
    fs::create_dir(root.join("train/nobody")).unwrap();
    fs::write(root.join("train/ant/notes.txt"), "no picture").unwrap();
    let data = image_folder::load(root, None).unwrap();
    assert_eq!(data.train.class_names().unwrap(), ["ant", "zebra"]);
    assert_eq!((data.train.shape(), data.train.classes().unwrap()), (&[2, 3, 3][..], vec![0, 1, 1]));
    let seconds: Vec<&[u8]> = bytes(&data.train).chunks(18).map(|picture| &picture[3..6]).collect();
    assert_eq!(seconds, [[10, 20, 30], [70, 80, 90], [40, 50, 60]]);
    assert_eq!(bytes(&data.train)[..3], [255; 3]);
    let test = data.test.unwrap();
    assert_eq!((test.classes().unwrap(), test.class_names()), (vec![1], data.train.class_names()));
}

#[test]
fn without_a_train_folder_there_is_no_test_set() {
    let folder = tempfile::tempdir().unwrap();
    // "train" is a class here, since it holds pictures.
    for class in ["train", "bus"] {
        (0..5).for_each(|i| paint(folder.path(), &format!("{class}/{i}.png"), (4, 4), [i, 0, 0]));
    }
    let data = image_folder::load(folder.path(), None).unwrap();
    assert_eq!((data.train.class_counts().unwrap(), data.test.is_none()), (vec![5, 5], true));
    assert_eq!(data.train.class_names().unwrap(), ["bus", "train"]);
}

#[test]
fn grey_pictures_have_one_channel_unless_one_has_colour() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    paint(root, "train/a/1.png", (2, 2), [7; 3]);
    paint(root, "train/b/1.png", (2, 2), [9; 3]);
    paint(root, "test/a/1.png", (2, 2), [8; 3]);
    let grey = image_folder::load(root, None).unwrap();
    assert_eq!((grey.train.shape(), bytes(&grey.train)), (&[2, 2, 1][..], &[255, 7, 7, 7, 255, 9, 9, 9][..]));
    assert_eq!(bytes(&grey.test.unwrap()), [255, 8, 8, 8]);
    paint(root, "test/a/2.png", (2, 2), [8, 8, 9]);
    let colour = image_folder::load(root, None).unwrap();
    assert_eq!((colour.train.shape(), colour.test.unwrap().shape()), (&[2, 2, 3][..], &[2, 2, 3][..]));
}

#[test]
fn a_picture_is_resized_for_training_as_it_is_for_prediction() {
    let folder = tempfile::tempdir().unwrap();
    paint(folder.path(), "a/1.png", (9, 7), [10, 200, 30]);
    paint(folder.path(), "b/1.png", (4, 5), [90, 100, 130]);
    let data = image_folder::load(folder.path(), Some([4, 5])).unwrap().train;
    assert_eq!(data.shape(), [4, 5, 3]);
    let input =
        ImageInput { height: 4, width: 5, channels: 3, max_value: 255.0, invert: Invert::Never, digit_box: None };
    let preprocessing = Preprocessing::default().with_image(input);
    for (name, trained) in ["a/1.png", "b/1.png"].iter().zip(bytes(&data).chunks(60)) {
        let picture = read_picture(folder.path().join(name)).unwrap();
        let (predicted, _) = preprocessing.prepare_picture(&picture).unwrap();
        assert!(predicted.iter().zip(trained).all(|(&a, &b)| a == f32::from(b)), "{name}");
    }
}

#[test]
fn folders_that_cannot_be_learnt_from_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let refusal = |size| image_folder::load(root, size).unwrap_err().to_string();
    assert!(image_folder::load(&root.join("gone"), None).unwrap_err().to_string().contains("nothing is there"));
    assert!(refusal(None).contains("a folder for each class"), "{}", refusal(None));
    paint(root, "train/a/1.png", (2, 3), [1, 2, 3]);
    paint(root, "train/b/1.png", (3, 2), [1, 2, 3]);
    let mixed = refusal(None);
    assert!(mixed.contains("b/1.png: expected 2 rows and 3 columns") && mixed.contains("data.image_size"), "{mixed}");
    assert!(refusal(Some([0, 4])).contains("0x4"));
    fs::create_dir(root.join("test")).unwrap();
    assert!(refusal(Some([2, 2])).contains("pictures to test with"));
    paint(root, "test/c/1.png", (2, 2), [1, 2, 3]);
    let unknown = refusal(Some([2, 2]));
    assert!(unknown.contains("(a, b), found \"c\""), "{unknown}");
    fs::rename(root.join("test/c"), root.join("test/b")).unwrap();
    assert!(image_folder::load(root, Some([2, 2])).is_ok());
    for i in 0..20 {
        fs::write(root.join(format!("train/b/{i:02}.jpg")), "words").unwrap();
    }
    let damaged = refusal(Some([2, 2]));
    assert!(damaged.contains("b/00.jpg") && damaged.contains("PNG"), "{damaged}");
}
