//! Contributions over the picture that the model saw.
//!
//! Orange speaks for the target, blue against it, a pair that people who are blind to red or green can tell apart; the
//! stronger, the less transparent.

use image::{ImageFormat, Rgba, RgbaImage};

use super::{greatest, map};
use crate::error::{ExplainError, Result};
use crate::explanation::Explanation;
use crate::raw::{RawExample, View};
use crate::sample::Values;

/// The least side of a picture, and the greatest, in pixels.
const LEAST: usize = 280;
const MOST: usize = 1120;
const FOR: [u8; 3] = [230, 97, 1];
const AGAINST: [u8; 3] = [31, 111, 180];

/// The picture with the contributions over it as a PNG file; None if the example is no picture or spectrogram.
///
/// # Errors
/// If it cannot be encoded.
pub fn overlay(example: &RawExample, explanation: &Explanation) -> Result<Option<Vec<u8>>> {
    let Some((mut below, above)) = layers(example, explanation) else { return Ok(None) };
    for (to, from) in below.pixels_mut().zip(above.pixels()) {
        let alpha = f32::from(from.0[3]) / 255.0;
        (0..3)
            .for_each(|c| to.0[c] = (f32::from(to.0[c]) * (1.0 - alpha) + f32::from(from.0[c]) * alpha).round() as u8);
    }
    png(&below).map(Some)
}

/// The picture and the contributions, enlarged.
pub(super) fn layers(example: &RawExample, explanation: &Explanation) -> Option<(RgbaImage, RgbaImage)> {
    let (height, width, values) = map(example, explanation)?;
    let [Values::F32(seen)] = &example.sample.0[..] else { return None };
    let channels = (seen.len() / (height * width)).max(1);
    let (least, most) = seen.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
    let tone = |x: f32| if most > least { ((x - least) / (most - least) * 255.0).round() as u8 } else { 0 };
    let below = |y: usize, x: usize| match example.view {
        View::Sequence => {
            let grey = tone(seen[x * height + height - 1 - y]);
            [grey, grey, grey]
        }
        _ => {
            let pixel = &seen[(y * width + x) * channels..][..channels];
            if channels >= 3 { [tone(pixel[0]), tone(pixel[1]), tone(pixel[2])] } else { [tone(pixel[0]); 3] }
        }
    };
    let scale = greatest(&values);
    let above = |y: usize, x: usize| {
        let share = values[y * width + x] / scale;
        let [r, g, b] = if share < 0.0 { AGAINST } else { FOR };
        [r, g, b, (share.abs().sqrt() * 217.0).round() as u8]
    };
    let opaque = |y, x| {
        let [r, g, b] = below(y, x);
        [r, g, b, 255]
    };
    Some((enlarged(height, width, opaque), enlarged(height, width, above)))
}

/// Every pixel as a square of pixels, or of many pixels some.
fn enlarged(height: usize, width: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> RgbaImage {
    let side = height.max(width).max(1);
    let to = |n: usize| match side {
        0..LEAST => n * LEAST.div_ceil(side),
        LEAST..=MOST => n,
        _ => (n * MOST / side).max(1),
    };
    let (rows, columns) = (to(height), to(width));
    RgbaImage::from_fn(columns as u32, rows as u32, |x, y| {
        Rgba(pixel(y as usize * height / rows, x as usize * width / columns))
    })
}

pub(super) fn png(picture: &RgbaImage) -> Result<Vec<u8>> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|error| {
        ExplainError::request(format!("the picture cannot be written: {error}"), "Explain a smaller input")
    })?;
    Ok(bytes.into_inner())
}
