//! Preprocessing: numbers, pictures, and what is stored.

use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};
use kamado_data::image_file::decode_picture;
use kamado_data::sources::{digits, mnist};
use kamado_data::{ImageInput, Invert, Picture, Preprocessing, Step};

fn picture(image: impl Into<DynamicImage>) -> Picture {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    decode_picture(bytes.get_ref(), "test.png").unwrap()
}

/// A light bar on dark ground at the given place.
fn bar(width: u32, height: u32, left: u32, top: u32, bar_width: u32, bar_height: u32) -> GrayImage {
    let inside = |x: u32, y: u32| (left..left + bar_width).contains(&x) && (top..top + bar_height).contains(&y);
    GrayImage::from_fn(width, height, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
}

#[test]
fn standardized_training_data_have_mean_0_and_variance_1() {
    let training = digits::load().unwrap().subset(&(0..1000).collect::<Vec<_>>()).unwrap();
    let mut preprocessing = digits::preprocessing();
    preprocessing.fit_standardize(&training).unwrap();
    let kamado_data::FeatureData::U8(pixels) = &training.features().data else { panic!("digits are bytes") };
    let mut numbers: Vec<f32> = pixels[..64_000].iter().map(|&x| f32::from(x)).collect();
    preprocessing.apply(training.shape(), &mut numbers).unwrap();
    let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / 64_000.0;
    let variance = numbers.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / 64_000.0;
    assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
}

#[test]
fn channels_have_values_of_their_own() {
    let steps =
        vec![Step::Scale { factor: 0.5, offset: 1.0 }, Step::Standardize { mean: vec![1.0, 2.0], std: vec![2.0, 4.0] }];
    let mut numbers = [2.0, 2.0, 4.0, 10.0];
    Preprocessing { steps, ..Preprocessing::default() }.apply(&[1, 2], &mut numbers).unwrap();
    assert_eq!(numbers, [0.5, 0.0, 1.0, 1.0]);
}

#[test]
fn impossible_steps_are_refused() {
    let refusal = |step: Step| {
        Preprocessing { steps: vec![step], ..Preprocessing::default() }
            .apply(&[4, 3], &mut [0.0; 12])
            .unwrap_err()
            .to_string()
    };
    assert!(refusal(Step::Standardize { mean: vec![0.0; 2], std: vec![1.0; 2] }).contains("3 channels"));
    assert!(refusal(Step::Standardize { mean: vec![0.0], std: vec![0.0] }).contains("above 0"));
    assert!(refusal(Step::Scale { factor: f32::NAN, offset: 0.0 }).contains("not a number"));
    let empty = digits::load().unwrap().subset(&[]).unwrap();
    assert!(digits::preprocessing().fit_standardize(&empty).unwrap_err().to_string().contains("empty"));
}

#[test]
fn what_is_stored_comes_back_and_unknown_keys_do_not() {
    let preprocessing = mnist::preprocessing();
    let text = serde_json::to_string(&preprocessing).unwrap();
    assert_eq!(serde_json::from_str::<Preprocessing>(&text).unwrap(), preprocessing);
    assert!(text.contains(r#""invert":"auto""#) && text.contains(r#""type":"scale""#), "{text}");
    let steps = r#"{"steps":[{"type":"scale","factor":1.0,"offset":0.0,"surprise":1}]}"#;
    for wrong in [r#"{"surprise":1}"#, steps] {
        assert!(serde_json::from_str::<Preprocessing>(wrong).unwrap_err().to_string().contains("surprise"));
    }
    assert!(serde_json::from_str::<kamado_data::Augment>(r#"{"rotate":3}"#).is_err());
}

#[test]
fn a_picture_of_the_right_size_and_ground_is_only_scaled() {
    let image = bar(28, 28, 10, 5, 3, 17);
    let (input, report) = mnist::preprocessing().prepare_picture(&picture(image.clone())).unwrap();
    assert!(input.iter().zip(image.pixels()).all(|(&x, pixel)| x == f32::from(pixel.0[0]) / 255.0));
    assert!(!report.inverted && !report.resized && !report.digit_placed);
}

#[test]
fn ink_on_paper_is_inverted() {
    let image = bar(28, 28, 10, 5, 3, 17);
    let mut paper = DynamicImage::from(image.clone());
    paper.invert();
    let prepare = |invert, image: DynamicImage| {
        let mut preprocessing = mnist::preprocessing();
        preprocessing.image.as_mut().unwrap().invert = invert;
        preprocessing.prepare_picture(&picture(image)).unwrap()
    };
    let (as_trained, _) = prepare(Invert::Never, image.into());
    let (automatic, report) = prepare(Invert::Auto, paper.clone());
    assert!(report.inverted);
    assert_eq!(automatic, as_trained);
    assert_eq!(prepare(Invert::Always, paper.clone()).0, as_trained);
    assert_ne!(prepare(Invert::Never, paper).0, as_trained);
}

#[test]
fn a_large_digit_is_placed_like_those_of_mnist() {
    // 50 x 200 in a corner of 300 x 400, so 5 x 20 with its middle in the middle of 28 x 28.
    let (input, report) = mnist::preprocessing().prepare_picture(&picture(bar(300, 400, 240, 10, 50, 200))).unwrap();
    assert!(report.resized && report.digit_placed);
    assert_eq!((report.width, report.height), (300, 400));
    let (mut mass, mut x_mean, mut y_mean, mut lit) = (0.0, 0.0, 0.0, 0);
    for (i, &x) in input.iter().enumerate() {
        mass += x;
        x_mean += x * (i % 28) as f32;
        y_mean += x * (i / 28) as f32;
        lit += usize::from(x > 0.5);
    }
    assert_eq!(lit, 5 * 20);
    assert!((x_mean / mass - 13.5).abs() <= 0.5 && (y_mean / mass - 13.5).abs() <= 0.5);
}

#[test]
fn a_blank_picture_is_only_resized() {
    let blank = GrayImage::from_pixel(100, 60, Luma([7]));
    let (input, report) = mnist::preprocessing().prepare_picture(&picture(blank)).unwrap();
    assert!(report.resized && !report.digit_placed);
    assert!(input.iter().all(|&x| (x - 7.0 / 255.0).abs() < 1e-7));
}

#[test]
fn shrinking_averages() {
    let mut preprocessing = Preprocessing::scale_to_unit(16.0);
    let input =
        ImageInput { height: 1, width: 1, channels: 3, max_value: 16.0, invert: Invert::Never, digit_box: None };
    preprocessing.image = Some(input);
    let checkers = RgbImage::from_fn(64, 64, |x, y| image::Rgb([if (x + y) % 2 == 0 { 200 } else { 0 }, 100, 0]));
    let (colour, report) = preprocessing.prepare_picture(&picture(checkers)).unwrap();
    assert!(report.resized);
    let expected = [100.0 / 255.0, 100.0 / 255.0, 0.0];
    assert!(colour.iter().zip(expected).all(|(x, e)| (x - e).abs() < 0.01), "{colour:?}");
}

#[test]
fn colour_becomes_grey_and_grey_becomes_colour() {
    let mut preprocessing = mnist::preprocessing();
    let green = RgbImage::from_pixel(28, 28, image::Rgb([0, 255, 0]));
    preprocessing.image.as_mut().unwrap().invert = Invert::Never;
    let (grey, _) = preprocessing.prepare_picture(&picture(green)).unwrap();
    // ITU-R BT.709: the share of green in lightness.
    assert!((grey[0] - 0.7152).abs() < 0.005, "{}", grey[0]);
    preprocessing.image.as_mut().unwrap().channels = 3;
    let (colour, _) = preprocessing.prepare_picture(&picture(bar(28, 28, 0, 0, 1, 1))).unwrap();
    assert_eq!((colour.len(), &colour[..4]), (28 * 28 * 3, &[1.0, 1.0, 1.0, 0.0][..]));
}

#[test]
fn models_that_take_no_pictures_say_so() {
    let refusal = Preprocessing::default().prepare_picture(&picture(GrayImage::new(1, 1))).unwrap_err().to_string();
    assert!(refusal.contains("does not take pictures"));
    let mut preprocessing = mnist::preprocessing();
    preprocessing.image.as_mut().unwrap().channels = 2;
    assert!(preprocessing.prepare_picture(&picture(GrayImage::new(1, 1))).is_err());
    preprocessing.image.as_mut().unwrap().channels = 1;
    preprocessing.image.as_mut().unwrap().width = usize::MAX;
    assert!(preprocessing.prepare_picture(&picture(GrayImage::new(1, 1))).is_err());
}
