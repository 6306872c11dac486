//! 1,797 handwritten digits of 8x8 pixels (values 0 to 16), embedded in the program.
//!
//! Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
//! CC BY 4.0; see `assets/README.md`.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::dataset::{Dataset, FeatureData, Features, Labels};
use crate::error::{DataError, Result};
use crate::preprocess::{ImageInput, Invert, Preprocessing};

const FILE: &[u8] = include_bytes!("../../assets/digits.csv.gz");
const EXAMPLES: usize = 1797;
const PIXELS: usize = 64;
const MAX_PIXEL: u8 = 16;

/// The digits, in the order of the file: shape `[8, 8, 1]`, classes `0` to `9`.
///
/// Errors only if the program itself is damaged.
pub fn load() -> Result<Dataset> {
    let mut text = String::new();
    let damaged = |found: String| {
        let expected = format!("{EXAMPLES} lines of {PIXELS} pixels and a label");
        DataError::malformed("embedded digits", expected, found, "This program is damaged: build it again")
    };
    GzDecoder::new(FILE).read_to_string(&mut text).map_err(|e| damaged(e.to_string()))?;
    let (mut pixels, mut indices) = (Vec::with_capacity(EXAMPLES * PIXELS), Vec::with_capacity(EXAMPLES));
    for line in text.lines() {
        let row: Option<Vec<u8>> = line.split(',').map(|value| value.parse().ok()).collect();
        match row.as_deref().and_then(<[u8]>::split_last) {
            Some((&label, row)) if row.len() == PIXELS && row.iter().all(|&pixel| pixel <= MAX_PIXEL) => {
                pixels.extend(row);
                indices.push(i32::from(label));
            }
            _ => return Err(damaged(format!("the line {line:?}"))),
        }
    }
    if indices.len() != EXAMPLES {
        return Err(damaged(format!("{} lines", indices.len())));
    }
    let names = (0..10).map(|class| class.to_string()).collect();
    let features = Features { shape: vec![8, 8, 1], data: FeatureData::U8(pixels), max_value: f32::from(MAX_PIXEL) };
    Dataset::new("digits", features, Labels::Classes { indices, names })
}

/// How these digits go into a network: pixels divided by 16; pictures are inverted if they are dark on light, and the
/// digit is made to fill the 8x8 square as in the set.
pub fn preprocessing() -> Preprocessing {
    let max_value = f32::from(MAX_PIXEL);
    let image = ImageInput { height: 8, width: 8, channels: 1, max_value, invert: Invert::Auto, digit_box: Some(8) };
    Preprocessing::scale_to_unit(max_value).with_image(image)
}
