//! Boxes, masks and labels follow the image; hashes and contact sheets.

use kamado_data::augment::Mix;
use kamado_data::vision::{Normalise, PictureInput, PictureScratch, Raster, Resize, Tile, contact_sheet};
use kamado_data::{Augment, Augmenter};
use kamado_graph::rng::Rng;
use serde_json::Value;

/// A white rectangle on black, and its box.
fn rectangle() -> (Raster, [f32; 4]) {
    let (left, top, right, bottom) = (22, 15, 41, 37);
    let white = |i: usize| (left..right).contains(&(i % 60)) && (top..bottom).contains(&(i / 60));
    let pixels = (0..48 * 60).map(|i| if white(i) { 255 } else { 0 }).collect();
    (Raster::new(pixels, 48, 60, 1).unwrap(), [left as f32, top as f32, right as f32, bottom as f32])
}

fn grey(size: usize, resize: Resize) -> PictureInput {
    PictureInput { channels: 1, normalise: Normalise::Unit, resize, ..PictureInput::new(size, size) }
}

#[test]
fn boxes_and_masks_follow_the_image() {
    let (picture, bounds) = rectangle();
    let mask: Vec<u8> = picture.pixels().iter().map(|&x| x / 255).collect();
    let none = Augment::default();
    let kinds = [
        none.clone(),
        Augment { rotation: 40.0, zoom: 0.2, shear: 15.0, shift: 0.1, horizontal_flip: true, ..none.clone() },
        Augment { vertical_flip: true, crop: 5, resized_crop: 0.6, ..none.clone() },
        Augment { perspective: 0.4, horizontal_flip: true, ..none.clone() },
        Augment { elastic: 0.05, rotation: 10.0, ..none.clone() },
        Augment { resized_crop: 0.7, perspective: 0.2, elastic: 0.03, ..none },
    ];
    let mut scratch = PictureScratch::default();
    for (kind, settings) in kinds.iter().enumerate() {
        for resize in [Resize::Stretch, Resize::Fit, Resize::Crop] {
            let input = grey(64, resize);
            let augmenter = Augmenter::new(settings, &input.shape()).unwrap();
            for stream in 0..8 {
                let (mut image, mut moved) = (vec![0.0; input.len()], vec![9; input.len()]);
                let augment = Some((&augmenter, &mut Rng::new(2, stream)));
                input.encode_raster(&picture, augment, &mut image, &mut scratch).unwrap();
                scratch.placement().mask(&mask, 0, &mut moved);
                // Only pixels through which the outline goes may differ.
                let differ = image.iter().zip(&moved).filter(|&(&x, &m)| (x > 0.5) != (m == 1)).count();
                assert!(differ < 120, "{kind} {resize:?} {stream}: {differ} pixels");

                let places = || (0..input.len()).filter(|&i| moved[i] == 1);
                let Some(found) = scratch.placement().bounding_box(bounds, 0.1) else {
                    assert!(places().count() < 400, "{kind} {resize:?} {stream}");
                    continue;
                };
                let span = |at: fn(usize) -> usize| {
                    let along = places().map(at);
                    (along.clone().min().unwrap() as f32, along.max().unwrap() as f32 + 1.0)
                };
                let ((left, right), (top, bottom)) = (span(|i| i % 64), span(|i| i / 64));
                let near = found.iter().zip([left, top, right, bottom]).all(|(a, b)| (a - b).abs() < 1.6);
                assert!(near, "{kind} {resize:?} {stream}: {found:?} for {:?}", [left, top, right, bottom]);
            }
        }
    }
}

#[test]
fn masks_follow_rand_augment() {
    let mask: Vec<u8> = rectangle().0.pixels().iter().map(|&x| x / 255).collect();
    // Not so light that solarizing would make it black.
    let picture = Raster::new(mask.iter().map(|x| x * 120).collect(), 48, 60, 1).unwrap();
    let input = grey(64, Resize::Stretch);
    let settings = Augment { rand_augment: 1, rand_augment_magnitude: 12.0, ..Augment::default() };
    let augmenter = Augmenter::new(&settings, &input.shape()).unwrap();
    let (mut scratch, mut changed) = (PictureScratch::default(), 0);
    let mut still = vec![0; input.len()];
    let mut image = vec![0.0; input.len()];
    input.encode_raster(&picture, None, &mut image, &mut scratch).unwrap();
    scratch.placement().mask(&mask, 0, &mut still);
    for stream in 0..60 {
        let mut moved = vec![9; input.len()];
        let augment = Some((&augmenter, &mut Rng::new(7, stream)));
        input.encode_raster(&picture, augment, &mut image, &mut scratch).unwrap();
        scratch.placement().mask(&mask, 0, &mut moved);
        let share = |inside: u8| {
            let values: Vec<f32> = image.iter().zip(&moved).filter(|p| *p.1 == inside).map(|p| *p.0).collect();
            values.iter().sum::<f32>() / values.len() as f32
        };
        assert!(share(1) > share(0) + 0.2, "{stream}: {} {}", share(1), share(0));
        changed += usize::from(moved != still);
    }
    assert!((10..50).contains(&changed), "{changed}");
}

#[test]
fn a_box_that_is_hardly_visible_is_dropped() {
    let (picture, _) = rectangle();
    let input = grey(48, Resize::Crop);
    let mut scratch = PictureScratch::default();
    input.encode_raster(&picture, None, &mut vec![0.0; input.len()], &mut scratch).unwrap();
    // The middle 48 of 60 columns: from 6 to 54.
    let placement = scratch.placement();
    assert_eq!(placement.bounding_box([10.0, 10.0, 20.0, 20.0], 0.5), Some([4.0, 10.0, 14.0, 20.0]));
    assert_eq!(placement.bounding_box([2.0, 0.0, 12.0, 10.0], 0.5), Some([0.0, 0.0, 6.0, 10.0]));
    assert_eq!(placement.bounding_box([2.0, 0.0, 12.0, 10.0], 0.7), None);
    assert_eq!(placement.bounding_box([0.0, 0.0, 5.0, 10.0], 0.0), None);
}

#[test]
fn colours_work_on_images_of_any_range() {
    // White is 16, as in the digits: what is drawn is the same as for white 255.
    let settings = Augment { brightness: 0.5, contrast: 0.5, noise: 0.1, blur: 2.0, ..Augment::default() };
    let input = grey(16, Resize::Stretch);
    let draw = |augmenter: Augmenter, white: u8| {
        let picture = Raster::new((0..=255).map(|i: u8| i % 17 * (white / 16)).collect(), 16, 16, 1).unwrap();
        let input = PictureInput { normalise: Normalise::None, ..input.clone() };
        let mut out = vec![0.0; 256];
        let augment = Some((&augmenter, &mut Rng::new(1, 1)));
        input.encode_raster(&picture, augment, &mut out, &mut PictureScratch::default()).unwrap();
        out
    };
    let bright = draw(Augmenter::new(&settings, &input.shape()).unwrap().with_white(240.0), 240);
    let dim = draw(Augmenter::new(&settings, &input.shape()).unwrap().with_white(16.0), 16);
    assert!(bright.iter().zip(&dim).all(|(a, b)| (a / 15.0 - b).abs() < 1e-3));
    assert!(dim.iter().all(|x| (0.0..=16.001).contains(x)));
}

fn batch(count: usize) -> (Vec<f32>, Vec<f32>) {
    let images = (0..count * 48).map(|i| (i / 48 + 1) as f32).collect();
    let labels = (0..count * count).map(|i| if i % count == i / count { 1.0 } else { 0.0 }).collect();
    (images, labels)
}

#[test]
fn labels_are_blended_as_images_are() {
    let settings = |mixup, cutmix| Augment { mixup, cutmix, ..Augment::default() };
    for (kind, settings) in [settings(0.4, 0.0), settings(0.0, 1.0), settings(0.4, 1.0)].iter().enumerate() {
        let mut mix = Mix::new(settings, &[4, 4, 3]).unwrap().unwrap();
        let (mut x, mut labels) = batch(9);
        mix.apply(&mut x, &mut labels, |i| Rng::new(5, i as u64)).unwrap();
        let (mut mixed, mut cut) = (0, 0);
        for i in 0..9 {
            let (own, other) = ((i + 1) as f32, ((i + 8) % 9 + 1) as f32);
            let (image, label) = (&x[i * 48..(i + 1) * 48], &labels[i * 9..(i + 1) * 9]);
            let share = label[i];
            assert!((share + label[(i + 8) % 9] - 1.0).abs() < 1e-6);
            // In the mean, an image is what its label says, whichever way it was blended.
            let mean = image.iter().sum::<f32>() / 48.0;
            assert!((mean - (share * own + (1.0 - share) * other)).abs() < 1e-4, "{kind} {i}");
            let is_cut = image.iter().all(|&x| x == own || x == other);
            mixed += usize::from(!is_cut && image.iter().all(|x| (x - image[0]).abs() < 1e-6));
            cut += usize::from(is_cut);
        }
        assert_eq!(mixed + cut, 9);
        assert!([mixed > 6, cut == 9, mixed > 1 && cut > 1][kind], "{kind}: {mixed} {cut}");
    }
    assert!(Mix::new(&Augment::default(), &[4, 4, 3]).unwrap().is_none());
    let mut mix = Mix::new(&settings(1.0, 0.0), &[4, 4, 3]).unwrap().unwrap();
    assert!(mix.apply(&mut [0.0; 47], &mut [], |_| Rng::new(0, 0)).is_err());
}

#[test]
fn hashes_are_those_of_their_definition() {
    let fixtures: Value = serde_json::from_str(include_str!("../fixtures/augment.json")).unwrap();
    for case in fixtures["hashes"].as_array().unwrap() {
        let pixels = case["grey"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u8).collect();
        let side = |i: usize| case["size"][i].as_u64().unwrap() as usize;
        let picture = Raster::new(pixels, side(0), side(1), 1).unwrap();
        assert_eq!(format!("{:016x}", picture.difference_hash()), case["difference"]);
        assert_eq!(format!("{:016x}", picture.perceptual_hash()), case["perceptual"]);
    }
}

#[test]
fn a_contact_sheet_shows_pictures_and_captions() {
    let colours = [[200, 0, 0], [0, 200, 0], [0, 0, 200]];
    let tile = |i: usize| Tile {
        picture: Raster::new(colours[i].repeat(32 * 32), 32, 32, 3).unwrap(),
        caption: ["Ab", "", "a caption that is far too long é"][i].to_owned(),
    };
    let sheet = contact_sheet(&[tile(0), tile(1), tile(2)], 2).unwrap();
    // Pictures are enlarged three times; a line of text and a gap follow each.
    assert_eq!((sheet.height(), sheet.width()), (2 * (96 + 12 + 6) + 6, 2 * (96 + 6) + 6));
    let pixel = |y: usize, x: usize| &sheet.pixels()[(y * sheet.width() + x) * 3..][..3];
    assert_eq!(
        [pixel(6, 6), pixel(101, 101), pixel(50, 108), pixel(120, 50)],
        [&colours[0][..], &colours[0], &colours[1], &colours[2]]
    );
    // The capital A, by its rows.
    let row = |y: usize| (0..5).map(move |x| if pixel(6 + 96 + 2 + y, 6 + x) == [32; 3] { '#' } else { '.' });
    let letter: Vec<String> = (0..7).map(|y| row(y).collect()).collect();
    assert_eq!(letter, ["..#..", ".#.#.", "#...#", "#...#", "#####", "#...#", "#...#"]);
    let again = Raster::decode(&sheet.to_png().unwrap(), "sheet", 3).unwrap();
    assert_eq!(again, sheet);
    assert!(contact_sheet(&[], 2).is_err() && contact_sheet(&[tile(0)], 0).is_err());
}

#[test]
fn an_input_can_be_looked_at_again() {
    let (picture, _) = rectangle();
    let input = PictureInput {
        channels: 1,
        normalise: Normalise::Standard,
        mean: vec![0.3],
        std: vec![0.2],
        ..PictureInput::new(48, 60)
    };
    let mut out = vec![0.0; input.len()];
    input.encode_raster(&picture, None, &mut out, &mut PictureScratch::default()).unwrap();
    assert_eq!(input.picture(&out).unwrap(), picture);
}
