//! Pictures against Pillow, OpenCV and Torchvision (fixtures/vision.py).

use kamado_data::vision::{Denoise, Normalise, PictureInput, PictureScratch, Raster, Resize};
use kamado_data::{Augment, Augmenter};
use kamado_graph::rng::Rng;
use serde_json::Value;

fn fixtures() -> Value {
    serde_json::from_str(include_str!("../fixtures/vision.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// The greatest and the mean difference.
fn difference(found: impl IntoIterator<Item = f64>, expected: &[f64]) -> (f64, f64) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    let differences = || found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    (differences().fold(0.0, f64::max), differences().sum::<f64>() / expected.len() as f64)
}

fn raw(height: usize, width: usize, channels: usize) -> PictureInput {
    PictureInput { channels, normalise: Normalise::None, ..PictureInput::new(height, width) }
}

/// The case of this name as a file.
fn file(name: &str) -> Vec<u8> {
    let fixtures = fixtures();
    let mut cases = fixtures["decoded"].as_array().unwrap().iter();
    bytes(&cases.find(|case| case["name"] == name).unwrap()["file"])
}

fn encode(input: &PictureInput, bytes: &[u8]) -> Vec<f32> {
    let mut out = vec![f32::NAN; input.len()];
    input.encode(bytes, "picture", None, &mut out, &mut PictureScratch::default()).unwrap();
    out
}

#[test]
fn files_of_every_kind_have_the_pixels_that_pillow_sees() {
    for case in fixtures()["decoded"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        for (channels, key) in [(3, "colour"), (1, "grey")] {
            let raster = Raster::decode(&bytes(&case["file"]), name, channels).unwrap();
            assert_eq!((raster.height(), raster.width()), (count(&case["height"]), count(&case["width"])), "{name}");
            let (most, mean) = difference(raster.pixels().iter().map(|&x| f64::from(x)), &numbers(&case[key]));
            // Decoders of lossy files may round in their own way; Pillow makes grey of rounded colours.
            let (most_allowed, mean_allowed) = match name.contains("jpeg") || name.contains("lossy") {
                true => (12.0, 1.0),
                false if channels == 1 => (1.0, 0.2),
                false => (0.0, 0.0),
            };
            assert!(most <= most_allowed && mean <= mean_allowed, "{name} {key}: {most} at most, {mean} on average");
        }
    }
}

#[test]
fn resizing_is_torchvisions() {
    let fixtures = &fixtures()["resized"];
    let (height, width) = (count(&fixtures["height"]), count(&fixtures["width"]));
    let pixels: Vec<u8> = numbers(&fixtures["image"]).into_iter().map(|x| x as u8).collect();
    let picture = Raster::new(pixels, height, width, 3).unwrap();
    for case in fixtures["cases"].as_array().unwrap() {
        let (region, size) = (numbers(&case["region"]), numbers(&case["size"]));
        let [left, top, width, height] = [0, 1, 2, 3].map(|i| region[i] as f32);
        let region = kamado_data::vision::Region { left, top, width, height };
        let found = picture.resized(region, [size[0] as usize, size[1] as usize]);
        let (most, _) = difference(found.into_iter().map(f64::from), &numbers(&case["out"]));
        assert!(most < 1e-3, "{region:?} to {size:?}: {most}");
    }
}

#[test]
fn denoising_is_opencvs() {
    let fixtures = &fixtures()["denoised"];
    let (height, width) = (count(&fixtures["height"]), count(&fixtures["width"]));
    let pixels: Vec<u8> = numbers(&fixtures["image"]).into_iter().map(|x| x as u8).collect();
    let picture = Raster::new(pixels, height, width, 3).unwrap();
    for (denoise, key, allowed) in [(Denoise::Median, "median", 0.0), (Denoise::Gaussian, "gaussian", 0.501)] {
        let input = PictureInput { denoise, ..raw(height, width, 3) };
        let mut out = vec![0.0; input.len()];
        input.encode_raster(&picture, None, &mut out, &mut PictureScratch::default()).unwrap();
        let (most, _) = difference(out.into_iter().map(f64::from), &numbers(&fixtures[key]));
        assert!(most <= allowed, "{key}: {most}");
    }
}

#[test]
fn fit_shows_all_and_crop_fills_all() {
    // Three times as wide as high: red, green, blue.
    let wide: Vec<u8> = (0..6 * 18).flat_map(|i| [[255, 0, 0], [0, 255, 0], [0, 0, 255]][i % 18 / 6]).collect();
    let picture = Raster::new(wide, 6, 18, 3).unwrap();
    let encode = |resize| {
        let input = PictureInput { resize, ..raw(6, 6, 3) };
        let mut out = vec![f32::NAN; input.len()];
        input.encode_raster(&picture, None, &mut out, &mut PictureScratch::default()).unwrap();
        out
    };
    assert_eq!(encode(Resize::Crop), [0.0, 255.0, 0.0].repeat(36));
    let fit = encode(Resize::Fit);
    let row = |y: usize| &fit[y * 18..(y + 1) * 18];
    assert!([0, 1, 4, 5].iter().all(|&y| row(y).iter().all(|&x| x == 0.0)), "{fit:?}");
    assert_eq!(row(2)[..3], [255.0, 0.0, 0.0]);
    assert_eq!(row(3)[15..], [0.0, 0.0, 255.0]);
    assert_eq!(encode(Resize::Stretch)[5 * 18 + 15..], [0.0, 0.0, 255.0]);
}

#[test]
fn statistics_are_those_of_the_readable_pictures_on_any_number_of_threads() {
    let files = [file("png colour"), b"no picture".to_vec(), file("bmp"), file("webp"), file("jpeg orientation 6")];
    let read = |i: usize| Ok((files[i].clone(), format!("file {i}")));
    let input = PictureInput::new(10, 14);
    let fitted = input.fit(files.len(), 3, read).unwrap();
    assert_eq!(fitted.unreadable.len(), 1);
    assert_eq!(fitted.unreadable[0].0, 1);
    assert!(fitted.unreadable[0].1.to_string().starts_with("file 1: expected a PNG"));
    assert_eq!(fitted.input, input.fit(files.len(), 1, read).unwrap().input);

    let unit = PictureInput { normalise: Normalise::Unit, ..PictureInput::new(10, 14) };
    let numbers: Vec<f32> = [0, 2, 3, 4].iter().flat_map(|&i| encode(&unit, &files[i])).collect();
    for channel in 0..3 {
        let values = || numbers.iter().skip(channel).step_by(3).map(|&x| f64::from(x));
        let n = values().count() as f64;
        let mean = values().sum::<f64>() / n;
        let std = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!((f64::from(fitted.input.mean[channel]) - mean).abs() < 1e-6);
        assert!((f64::from(fitted.input.std[channel]) - std).abs() < 1e-6);
        let value = f64::from(encode(&fitted.input, &files[0])[channel]);
        assert!((value - (f64::from(numbers[channel]) - mean) / std).abs() < 1e-4);
    }
    let kept: PictureInput = serde_json::from_str(&serde_json::to_string(&fitted.input).unwrap()).unwrap();
    assert_eq!(kept, fitted.input);
    assert!(input.fit(1, 1, |_| read(1)).unwrap_err().to_string().contains("no picture can be read: file 1"));
}

#[test]
fn impossible_inputs_are_refused_by_name() {
    let refusal = |input: PictureInput| {
        let mut out = vec![0.0; input.len()];
        let result = input.encode(&file("png grey"), "p", None, &mut out, &mut PictureScratch::default());
        result.unwrap_err().to_string()
    };
    assert!(refusal(PictureInput::new(0, 5)).contains("picture.size = 0"));
    assert!(refusal(raw(5, 5, 2)).contains("2 channels"));
    assert!(refusal(PictureInput::new(5, 5)).contains("Fit it on the training pictures"));
    let wrong = PictureInput { mean: vec![0.5], std: vec![0.0], ..PictureInput::new(5, 5) };
    assert!(refusal(wrong).contains("Give 3 finite numbers"));
    let wrong = PictureInput { mean: vec![0.5; 3], std: vec![1.0; 3], ..raw(5, 5, 3) };
    assert!(refusal(wrong).contains("normalise = \"standard\""));
    let short = raw(5, 5, 3).encode(&file("bmp"), "p", None, &mut [0.0; 3], &mut PictureScratch::default());
    assert!(short.unwrap_err().to_string().contains("buffer of 3"));
    assert!(serde_json::from_str::<PictureInput>(r#"{"size": [8, 8], "colour": true}"#).is_err());
}

#[test]
fn what_is_cut_short_or_damaged_is_refused_and_never_panics() {
    for name in ["jpeg", "jpeg progressive", "png colour", "bmp", "gif", "webp", "tiff lzw"] {
        let sound = file(name);
        let cut = Raster::decode(&sound[..sound.len() * 2 / 3], "cut", 3);
        assert!(cut.is_err_and(|error| error.to_string().starts_with("cut: expected ")), "{name}");
        let mut rng = Rng::new(11, 0);
        for i in 0..400 {
            let mut bytes = sound.clone();
            for _ in 0..=rng.below(4) {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = rng.next_u32() as u8;
            }
            bytes.truncate(sound.len() - (rng.below(2) * rng.below(sound.len() as u64)) as usize);
            let _ = Raster::decode(&bytes, "damaged", 1 + 2 * (i % 2));
        }
    }
}

#[test]
fn distortion_is_a_function_of_its_generator_alone() {
    let settings = Augment { resized_crop: 0.3, horizontal_flip: true, rotation: 10.0, ..Augment::default() };
    let augmenter = Augmenter::new(&settings, &[8, 8, 3]).unwrap();
    let mut scratch = PictureScratch::default();
    let mut draw = |name: &str, stream: u64| {
        let mut out = vec![0.0; 192];
        let augment = Some((&augmenter, &mut Rng::new(3, stream)));
        raw(8, 8, 3).encode(&file(name), name, augment, &mut out, &mut scratch).unwrap();
        out
    };
    let (first, other) = (draw("png colour", 1), draw("jpeg", 2));
    assert_ne!(first, other);
    assert_ne!(first, draw("png colour", 2));
    assert_eq!(first, draw("png colour", 1));
}
