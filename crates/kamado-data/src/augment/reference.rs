//! Operations against Torchvision (fixtures/augment.py).

use serde_json::Value;

use super::projective::Projective;
use super::rand_augment::Operation;
use super::{blur, colour, warp};
use crate::preprocess::Raw;
use kamado_graph::rng::Rng;

fn fixtures() -> Value {
    serde_json::from_str(include_str!("../../fixtures/augment.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

const SHAPE: [usize; 3] = [11, 13, 3];

/// The greatest difference of `change(image)` from what Torchvision made.
fn difference(name: &str, change: impl FnOnce(&mut [f32])) -> f32 {
    let fixtures = fixtures();
    let mut image = numbers(&fixtures["image"]);
    change(&mut image);
    let expected = numbers(&fixtures["out"][name]);
    assert_eq!(image.len(), expected.len());
    image.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn colours_are_torchvisions() {
    let sharper = |x: &mut [f32]| colour::sharpness(x, SHAPE, 1.9, &mut Vec::new());
    let flat = |x: &mut [f32]| {
        x.iter_mut().for_each(|x| *x = 0.2 * 255.0 + 0.5 * *x);
        colour::autocontrast(x, 3);
    };
    let differences = [
        ("brightness", difference("brightness", |x| colour::brightness(x, 1.4))),
        ("contrast", difference("contrast", |x| colour::contrast(x, 3, 1.7))),
        ("saturation", difference("saturation", |x| colour::saturation(x, 3, 0.4))),
        ("hue", difference("hue", |x| colour::hue(x, 3, 0.3))),
        ("hue back", difference("hue back", |x| colour::hue(x, 3, -0.15))),
        ("sharpness", difference("sharpness", sharper)),
        ("posterize", difference("posterize", |x| colour::posterize(x, 3))),
        ("solarize", difference("solarize", |x| colour::solarize(x, 100.0))),
        ("autocontrast", difference("autocontrast", flat)),
        ("equalize", difference("equalize", |x| colour::equalize(x, 3))),
        ("blur", difference("blur", |x| blur::gaussian(x, SHAPE, 1.3, &mut blur::Scratch::default()))),
    ];
    for (name, difference) in differences {
        assert!(difference < 0.01, "{name}: {difference}");
    }
}

/// The image as a map takes it.
fn warped(image: &mut [f32], map: &Projective) {
    let mut padded = Vec::new();
    warp::pad(Raw::F32(image), SHAPE[1], SHAPE[2], &mut padded);
    let source = warp::Padded { pixels: &padded, width: SHAPE[1], channels: SHAPE[2] };
    let rows = image.chunks_exact_mut(SHAPE[1] * SHAPE[2]).enumerate();
    rows.for_each(|(y, row)| warp::tilted_row(&source, SHAPE[0], map, None, y, row));
}

#[test]
fn shapes_are_torchvisions() {
    let corners: Vec<[f32; 2]> =
        fixtures()["corners"].as_array().unwrap().iter().map(|corner| numbers(corner).try_into().unwrap()).collect();
    let size = [SHAPE[0], SHAPE[1]];
    let map = |operation: Operation| Projective::from(operation.map(size).unwrap());
    // Torchvision turns to the left; these are maps back from the result.
    let differences = [
        ("perspective", Projective::untilting(corners.try_into().unwrap(), size)),
        ("shear x", map(Operation::ShearX(0.2))),
        ("shear y", map(Operation::ShearY(0.2))),
        ("turn", map(Operation::Turn(25.0))),
    ]
    .map(|(name, map)| (name, difference(name, |image| warped(image, &map))));
    for (name, difference) in differences {
        assert!(difference < 0.05, "{name}: {difference}");
    }
}

#[test]
fn operations_have_the_strengths_of_rand_augment() {
    let strengths = &fixtures()["strengths"];
    let strength = |name: &str| strengths[name].as_f64().unwrap() as f32;
    let mut seen = std::collections::BTreeSet::new();
    for stream in 0..500 {
        let operation = Operation::draw(9.0, [24, 32], &mut Rng::new(6, stream));
        let (name, found) = match operation {
            Operation::Nothing => ("Identity", 0.0),
            Operation::ShearX(x) => ("ShearX", x.abs()),
            Operation::ShearY(x) => ("ShearY", x.abs()),
            Operation::MoveX(x) => ("TranslateX", x.abs()),
            Operation::MoveY(x) => ("TranslateY", x.abs()),
            Operation::Turn(x) => ("Rotate", x.abs()),
            Operation::Brightness(x) => ("Brightness", (x - 1.0).abs()),
            Operation::Saturation(x) => ("Color", (x - 1.0).abs()),
            Operation::Contrast(x) => ("Contrast", (x - 1.0).abs()),
            Operation::Sharpness(x) => ("Sharpness", (x - 1.0).abs()),
            Operation::Posterize(bits) => ("Posterize", bits as f32),
            Operation::Solarize(threshold) => ("Solarize", threshold / 255.0 * white(strength("Solarize"))),
            Operation::Autocontrast => ("AutoContrast", 0.0),
            Operation::Equalize => ("Equalize", 0.0),
        };
        assert!((found - strength(name)).abs() < 1e-3, "{operation:?} for {}", strength(name));
        seen.insert(name);
    }
    assert_eq!(seen.len(), 14);
}

/// Torchvision says thresholds as shares of white in some versions, in numbers from 0 to 255 in others.
fn white(threshold: f32) -> f32 {
    if threshold <= 1.0 { 1.0 } else { 255.0 }
}

#[test]
fn a_tilt_back_and_forth_changes_no_place() {
    let corners = [[1.0, 2.0], [12.0, 0.5], [11.0, 10.0], [0.5, 9.0]];
    let map = Projective::untilting(corners, [11, 13]);
    for ([x, y], [wanted_x, wanted_y]) in corners.into_iter().zip([[0.0, 0.0], [13.0, 0.0], [13.0, 11.0], [0.0, 11.0]])
    {
        let (found_x, found_y) = map.apply(x - 0.5, y - 0.5);
        assert!((found_x + 0.5 - wanted_x).abs() < 1e-3 && (found_y + 0.5 - wanted_y).abs() < 1e-3);
        let (back_x, back_y) = map.inverse().apply(found_x, found_y);
        assert!((back_x + 0.5 - x).abs() < 1e-3 && (back_y + 0.5 - y).abs() < 1e-3);
    }
}
