//! Pictures as training sees them, on one sheet.

use super::{Denoise, Normalise, PictureInput, PictureScratch, Raster, Resize, Tile, contact_sheet};
use crate::augment::{Augment, Augmenter};
use crate::error::Result;
use crate::streams;

/// Pictures are shown with at most this many pixels on a side.
const LONGEST: usize = 192;
/// How many pictures without distortion stand side by side.
const COLUMNS: usize = 8;

/// Draws pictures (what stands below each, and its file) as they are; with `augment` a row for each: the picture, then
/// `versions` distortions of it, as training would see them in its first epochs.
///
/// # Errors
/// If a file is no picture, a setting is out of range, or the sheet would be too large.
pub fn preview(
    pictures: &[(String, Vec<u8>)],
    augment: Option<&Augment>,
    versions: usize,
    seed: u64,
) -> Result<Raster> {
    let mut scratch = PictureScratch::default();
    let mut tiles = Vec::new();
    for (row, (caption, bytes)) in pictures.iter().enumerate() {
        let raster = Raster::decode(bytes, caption, 3)?;
        let scale = (LONGEST as f64 / raster.height().max(raster.width()) as f64).min(1.0);
        let side = |length: usize| ((length as f64 * scale).round() as usize).max(1);
        let (resize, denoise) = (Resize::Stretch, Denoise::None);
        let input = PictureInput {
            resize,
            denoise,
            normalise: Normalise::None,
            ..PictureInput::new(side(raster.height()), side(raster.width()))
        };
        let augmenter = augment.map(|augment| Augmenter::new(augment, &input.shape())).transpose()?;
        let mut pixels = vec![0.0; input.len()];
        for version in 0..=if augmenter.is_some() { versions } else { 0 } {
            let mut rng = streams::augment(seed, version as u64, row);
            let distortion = augmenter.as_ref().filter(|_| version > 0).map(|augmenter| (augmenter, &mut rng));
            input.encode_raster(&raster, distortion, &mut pixels, &mut scratch)?;
            let bytes = pixels.iter().map(|x| x.round().clamp(0.0, 255.0) as u8).collect();
            let [height, width, channels] = input.shape();
            let caption = if version == 0 { caption.clone() } else { String::new() };
            tiles.push(Tile { picture: Raster::new(bytes, height, width, channels)?, caption });
        }
    }
    contact_sheet(&tiles, if augment.is_some() { versions + 1 } else { COLUMNS })
}
