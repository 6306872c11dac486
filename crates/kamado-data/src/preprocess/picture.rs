//! From a picture of any size and kind to the input of an image network.

use image::{DynamicImage, GrayImage};
use serde::{Deserialize, Serialize};

use super::{Preprocessing, digit};
use crate::error::{DataError, Result};
use crate::image_file::{Picture, resize};

/// Whether light and dark are exchanged before prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invert {
    /// If the border of the picture is light (mean above half), as in a photo of ink on paper.
    Auto,
    /// Never.
    #[default]
    Never,
    /// Always.
    Always,
}

/// The images a network was trained on, to which a picture is fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// The raw value of the lightest pixel in the training data.
    pub max_value: f32,
    /// Whether light and dark are exchanged; say `Auto` only for networks trained on light figures on dark ground.
    #[serde(default)]
    pub invert: Invert,
    /// If set, and the picture has another size than the training images: cut out the figure, fit it into a square of
    /// this many pixels and put its centre of mass in the middle, as the makers of MNIST did (with 20).
    #[serde(default)]
    pub digit_box: Option<usize>,
}

/// What was done to a picture, to be told to its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureReport {
    /// The width the picture came with.
    pub width: u32,
    /// The height the picture came with.
    pub height: u32,
    /// Light and dark were exchanged.
    pub inverted: bool,
    /// The picture did not have the size of the training images.
    pub resized: bool,
    /// The figure was cut out and centred.
    pub digit_placed: bool,
}

impl Preprocessing {
    /// The network input `[height, width, channels]` for a picture, and what was done to it.
    ///
    /// Errors if these steps are not for images, or as [`Preprocessing::apply`] does.
    pub fn prepare_picture(&self, picture: &Picture) -> Result<(Vec<f32>, PictureReport)> {
        let Some(input) = &self.image else {
            return Err(DataError::request("this model does not take pictures", "Give it rows of numbers"));
        };
        let (raw, report) = input.fit(picture)?;
        let mut numbers: Vec<f32> = raw.iter().map(|&x| f32::from(x) * (input.max_value / 255.0)).collect();
        self.apply(&[input.height, input.width, input.channels], &mut numbers)?;
        Ok((numbers, report))
    }
}

impl ImageInput {
    fn fit(&self, picture: &Picture) -> Result<(Vec<u8>, PictureReport)> {
        let side = |size: usize| u32::try_from(size).ok().filter(|size| (1..=1 << 15).contains(size));
        let (Some(width), Some(height), 1 | 3) = (side(self.width), side(self.height), self.channels) else {
            return Err(DataError::request(
                format!("pictures cannot be fitted to {}x{}x{}", self.height, self.width, self.channels),
                "The input must have 1 to 32768 rows and columns and 1 or 3 channels",
            ));
        };
        let mut image = match self.channels {
            1 => DynamicImage::ImageLuma8(picture.image().to_luma8()),
            _ => picture.image().clone(),
        };
        let inverted = match self.invert {
            Invert::Auto => border_mean(&image.to_luma8()) > 127.5,
            Invert::Never => false,
            Invert::Always => true,
        };
        if inverted {
            image.invert();
        }
        let resized = (picture.width(), picture.height()) != (width, height);
        let placed = match (&image, self.digit_box) {
            (DynamicImage::ImageLuma8(grey), Some(side)) if resized => digit::place(grey, side, width, height),
            _ => None,
        };
        let digit_placed = placed.is_some();
        let image = match placed {
            Some(placed) => placed.into(),
            None if resized => resize(&image, height, width),
            None => image,
        };
        let report =
            PictureReport { width: picture.width(), height: picture.height(), inverted, resized, digit_placed };
        Ok((image.into_bytes(), report))
    }
}

/// The mean of the outermost pixels, 0 to 255.
pub(super) fn border_mean(image: &GrayImage) -> f32 {
    let (width, height) = image.dimensions();
    let edge = |x: u32, y: u32| x == 0 || y == 0 || x + 1 == width || y + 1 == height;
    let border = image.enumerate_pixels().filter(|&(x, y, _)| edge(x, y));
    let (sum, count) = border.fold((0u64, 0u64), |(sum, n), (_, _, pixel)| (sum + u64::from(pixel.0[0]), n + 1));
    sum as f32 / count.max(1) as f32
}
