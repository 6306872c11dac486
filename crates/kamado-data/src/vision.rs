//! From picture files to the numbers of a network.
//!
//! [`PictureInput`] says how: decode, denoise, resize, (in training) distort, normalise. It is kept in the model, so that
//! a picture is treated in the same way ever after.

mod decode;
mod denoise;
mod fit;
mod font;
mod hash;
mod preview;
mod resize;
mod sheet;

use kamado_graph::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::augment::{self, Augmenter, Placement};
use crate::error::{DataError, Result};
use crate::preprocess::{Preprocessing, Raw, Step};
pub use decode::Raster;
pub use fit::FittedPictures;
pub use hash::{MAX_DISTANCE, near_duplicates, near_matches};
pub use preview::preview;
pub use resize::Region;
pub(crate) use resize::{Grid, ResizeScratch, resize};
pub use sheet::{Tile, contact_sheet};

/// How a picture of another shape becomes one of the input's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// All of it, at the price of its proportions.
    #[default]
    Stretch,
    /// All of it in its proportions, in the middle of black.
    Fit,
    /// Its middle in its proportions, without what then lies outside.
    Crop,
}

/// How noise is taken out of a picture before it is resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denoise {
    /// Not at all.
    #[default]
    None,
    /// The median of each pixel and its eight neighbours, per channel: against single wrong pixels. At the edge, the
    /// outermost pixels are repeated. Reference: `medianBlur(3)` of OpenCV.
    Median,
    /// A mean with Gaussian weights of standard deviation 1 pixel, mirrored at the edge: against grain.
    /// Reference: `GaussianBlur(ksize=7, sigma=1)` of OpenCV.
    Gaussian,
}

/// What the numbers of a picture are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// `(x / 255 - mean) / std` with the mean and the standard deviation of each channel of the training pictures.
    #[default]
    Standard,
    /// `x / 255`: 0 to 1.
    Unit,
    /// `x / 127.5 - 1`: -1 to 1.
    Symmetric,
    /// 0 to 255.
    None,
}

/// How pictures become the input of a network. Make it, [`fit`](PictureInput::fit) it, keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureInput {
    /// Rows and columns of the input, 1 to 32768 each.
    pub size: [usize; 2],
    /// 1 for grey, 3 for red, green and blue.
    #[serde(default = "three")]
    pub channels: usize,
    /// How pictures get this size.
    #[serde(default)]
    pub resize: Resize,
    /// Whether noise is taken out first.
    #[serde(default)]
    pub denoise: Denoise,
    /// What the numbers are.
    #[serde(default)]
    pub normalise: Normalise,
    /// The mean of each channel, for [`Normalise::Standard`], where white is 1; empty until it is fitted or given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, as `mean`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub std: Vec<f32>,
}

fn three() -> usize {
    3
}

/// Memory that pictures use again and again; one for each thread.
#[derive(Debug, Default)]
pub struct PictureScratch {
    raster: Raster,
    denoise: denoise::Scratch,
    resize: ResizeScratch,
    resized: Vec<f32>,
    augment: augment::Scratch,
}

impl PictureScratch {
    /// Where the parts of the picture that was encoded last went, for its boxes and masks.
    pub fn placement(&self) -> &Placement {
        self.augment.placement()
    }
}

impl PictureInput {
    /// Colour pictures of `height` x `width`, stretched, to be standardised.
    pub fn new(height: usize, width: usize) -> Self {
        PictureInput {
            size: [height, width],
            channels: 3,
            resize: Resize::default(),
            denoise: Denoise::default(),
            normalise: Normalise::default(),
            mean: Vec::new(),
            std: Vec::new(),
        }
    }

    /// The shape of the input: `[height, width, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.size[0], self.size[1], self.channels]
    }

    /// How many numbers a picture becomes.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether a picture becomes no number at all, which [`check`](PictureInput::check) refuses.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether [`encode`](PictureInput::encode) has all that it needs.
    pub fn is_fitted(&self) -> bool {
        self.normalise != Normalise::Standard || !self.mean.is_empty()
    }

    /// Refuses what cannot be, by name.
    ///
    /// # Errors
    /// If a side is not 1 to 32768, there are not 1 or 3 channels, or mean and std do not fit the channels.
    pub fn check(&self) -> Result<()> {
        if let Some(side) = self.size.iter().find(|side| !(1..=1 << 15).contains(*side)) {
            return Err(DataError::request(format!("picture.size = {side} is out of range"), "Choose 1 to 32768"));
        }
        if !matches!(self.channels, 1 | 3) {
            let problem = format!("picture.channels = {} is not possible", self.channels);
            return Err(DataError::request(problem, "Choose 1 (grey) or 3 (red, green and blue)"));
        }
        let given = !self.mean.is_empty() || !self.std.is_empty();
        if given && self.normalise != Normalise::Standard {
            let remedy = "Leave them out, or say normalise = \"standard\"";
            return Err(DataError::request("picture.mean and picture.std are for normalise = \"standard\"", remedy));
        }
        let fits = |values: &[f32]| values.len() == self.channels && values.iter().all(|x| x.is_finite());
        if given && !(fits(&self.mean) && fits(&self.std) && self.std.iter().all(|&std| std > 0.0)) {
            let problem = format!("picture.mean = {:?} and picture.std = {:?}", self.mean, self.std);
            let remedy = format!("Give {} finite numbers each; each std must be above 0", self.channels);
            return Err(DataError::request(problem, remedy));
        }
        Ok(())
    }

    /// Writes the numbers of a picture file, `[height, width, channels]`, to `out`.
    ///
    /// With an [`Augmenter`] the picture is distorted by the numbers of its generator. `scratch` then knows
    /// [where everything went](PictureScratch::placement). `name` stands for the file in errors.
    ///
    /// # Errors
    /// As [`Raster::decode`] and [`check`](PictureInput::check) do, or if `out` has another length, the augmenter is
    /// for another shape, or this is not fitted.
    pub fn encode(
        &self,
        bytes: &[u8],
        name: &str,
        augment: Option<(&Augmenter, &mut Rng)>,
        out: &mut [f32],
        scratch: &mut PictureScratch,
    ) -> Result<()> {
        scratch.raster.decode_from(bytes, name, self.channels)?;
        self.encode_decoded(augment, out, scratch)
    }

    /// [`PictureInput::encode`] of a picture that is decoded.
    ///
    /// # Errors
    /// As [`PictureInput::encode`] does, or if the picture has another number of channels.
    pub fn encode_raster(
        &self,
        raster: &Raster,
        augment: Option<(&Augmenter, &mut Rng)>,
        out: &mut [f32],
        scratch: &mut PictureScratch,
    ) -> Result<()> {
        scratch.raster.clone_from(raster);
        self.encode_decoded(augment, out, scratch)
    }

    fn encode_decoded(
        &self,
        augment: Option<(&Augmenter, &mut Rng)>,
        out: &mut [f32],
        scratch: &mut PictureScratch,
    ) -> Result<()> {
        let affine = self.steps()?.affine(&self.shape())?;
        let (have, want) = (scratch.raster.channels, augment.as_ref().map_or(self.shape(), |(a, _)| a.shape()));
        if out.len() != self.len() || have != self.channels || want != self.shape() {
            let problem = format!(
                "a picture of {have} channels and an augmenter of {want:?} for an input of {:?} and a buffer of {}",
                self.shape(),
                out.len()
            );
            return Err(DataError::request(problem, "Make all of the shape of the input"));
        }
        denoise::apply(self.denoise, &mut scratch.raster, &mut scratch.denoise);
        match augment {
            None => {
                let origin = self.place(None, out, scratch);
                scratch.augment.set_placement(origin, self.size);
            }
            Some((augmenter, rng)) => {
                let mut resized = std::mem::take(&mut scratch.resized);
                resized.resize(out.len(), 0.0);
                let crop = augmenter.draw_crop([scratch.raster.height, scratch.raster.width], rng);
                let origin = self.place(crop, &mut resized, scratch);
                augmenter.distort_placed(Raw::F32(&resized), origin, rng, &mut scratch.augment, out);
                scratch.resized = resized;
            }
        }
        affine.apply(out);
        Ok(())
    }

    /// Writes the picture, 0 to 255, in the size of the input; answers where it went.
    fn place(&self, crop: Option<Region>, out: &mut [f32], scratch: &mut PictureScratch) -> augment::Origin {
        let [height, width, channels] = self.shape();
        let picture = scratch.raster.grid();
        let whole = Region::whole(picture.height, picture.width);
        let (region, (rows, columns)) = match (crop, self.resize) {
            (Some(region), _) => (region, (height, width)),
            (None, Resize::Stretch) => (whole, (height, width)),
            (None, Resize::Crop) => (middle(whole, width as f32 / height as f32), (height, width)),
            (None, Resize::Fit) => (whole, inside(whole, (height, width))),
        };
        let (top, left) = ((height - rows) / 2, (width - columns) / 2);
        if (rows, columns) != (height, width) {
            out.fill(0.0);
        }
        let span = left * channels..(left + columns) * channels;
        let lines = out.chunks_exact_mut(width * channels).skip(top).map(|line| &mut line[span.clone()]);
        if region == whole && (rows, columns) == (picture.height, picture.width) {
            for (line, pixels) in lines.zip(picture.pixels.chunks_exact(columns * channels)) {
                line.iter_mut().zip(pixels).for_each(|(out, &x)| *out = f32::from(x));
            }
        } else {
            resize(picture, region, (rows, columns), &mut scratch.resize, lines);
        }
        augment::Origin { region, top, left, rows, columns, picture: [picture.height, picture.width] }
    }

    /// The picture that these numbers show, which [`encode`](PictureInput::encode) made, for people to look at.
    ///
    /// # Errors
    /// As [`encode`](PictureInput::encode) does, or if there are not as many numbers as an input has.
    pub fn picture(&self, numbers: &[f32]) -> Result<Raster> {
        let affine = self.steps()?.affine(&self.shape())?;
        let undone = numbers.iter().enumerate().map(|(i, &x)| affine.undo(i % self.channels, x));
        // Rounds, and takes what is not a number for black.
        Raster::new(undone.map(|x| (x + 0.5) as u8).collect(), self.size[0], self.size[1], self.channels)
    }

    /// From 0 to 255 to the input of the network.
    fn steps(&self) -> Result<Preprocessing> {
        self.check()?;
        let steps = match self.normalise {
            Normalise::None => Vec::new(),
            Normalise::Unit => Preprocessing::scale_to_unit(255.0).steps,
            Normalise::Symmetric => vec![Step::Scale { factor: 1.0 / 127.5, offset: -1.0 }],
            Normalise::Standard if self.mean.is_empty() => {
                let remedy = "Fit it on the training pictures, or give picture.mean and picture.std";
                return Err(DataError::request("the mean and the std of the pictures are not known", remedy));
            }
            Normalise::Standard => {
                let mut steps = Preprocessing::scale_to_unit(255.0).steps;
                steps.push(Step::Standardize { mean: self.mean.clone(), std: self.std.clone() });
                steps
            }
        };
        Ok(Preprocessing { steps, ..Preprocessing::default() })
    }
}

/// The largest region in the middle of `whole` that is `ratio` times as wide as high.
fn middle(whole: Region, ratio: f32) -> Region {
    let width = whole.width.min(whole.height * ratio);
    let height = whole.height.min(whole.width / ratio);
    Region { left: (whole.width - width) / 2.0, top: (whole.height - height) / 2.0, width, height }
}

/// The largest size in the proportions of `whole` that is inside `size = (height, width)`.
fn inside(whole: Region, size: (usize, usize)) -> (usize, usize) {
    let scale = (size.0 as f32 / whole.height).min(size.1 as f32 / whole.width);
    let side = |len: f32, most: usize| ((len * scale).round() as usize).clamp(1, most);
    (side(whole.height, size.0), side(whole.width, size.1))
}
