//! Random distortion of training images on the fly: for training, never for validation or test.
//!
//! One pass over the image: where does this output pixel come from (turned, moved, scaled, slanted, bent), and what is
//! there (bilinear; black outside). Then, if wanted, a square is blanked.

mod affine_map;
mod elastic;
mod warp;

use kamado_graph::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};
use crate::preprocess::Raw;
use affine_map::AffineMap;
use elastic::Elastic;

/// How far images are distorted at most; 0 switches a distortion off. Every image draws uniformly within the limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Turn left or right, in degrees (0 to 180).
    pub rotation: f32,
    /// Mirror every second image, left to right.
    pub horizontal_flip: bool,
    /// Move along each axis, as a share of the image side (0 to 1).
    pub shift: f32,
    /// Scale by `1 - zoom` to `1 + zoom` (0 to below 1).
    pub zoom: f32,
    /// Slant, in degrees (0 to 80).
    pub shear: f32,
    /// Bend: the greatest displacement of a control point, as a share of the image side (0 to 1).
    ///
    /// Source: P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks applied to visual
    /// document analysis", ICDAR 2003; a grid of control points under a cubic spline stands for their smoothed noise.
    pub elastic: f32,
    /// Cells of the grid of control points along each axis (1 to 32): more cells, finer waves.
    pub elastic_cells: usize,
    /// Blank a square with this share of the image side, its middle anywhere in the image (0 to 1).
    ///
    /// Source: T. DeVries, G. Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.
    pub cutout: f32,
}

impl Default for Augment {
    /// No distortion.
    fn default() -> Self {
        Augment {
            rotation: 0.0,
            horizontal_flip: false,
            shift: 0.0,
            zoom: 0.0,
            shear: 0.0,
            elastic: 0.0,
            elastic_cells: 4,
            cutout: 0.0,
        }
    }
}

impl Augment {
    /// Errors if a setting is out of its range, naming it.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("rotation", self.rotation, 180.0),
            ("shift", self.shift, 1.0),
            ("zoom", self.zoom, 0.99),
            ("shear", self.shear, 80.0),
            ("elastic", self.elastic, 1.0),
            ("cutout", self.cutout, 1.0),
        ];
        for (name, value, most) in ranges {
            if !(0.0..=most).contains(&value) {
                return Err(DataError::request(
                    format!("augment.{name} = {value} is out of range"),
                    format!("Choose 0 to {most}"),
                ));
            }
        }
        if !(1..=32).contains(&self.elastic_cells) {
            return Err(DataError::request(
                format!("augment.elastic_cells = {} is out of range", self.elastic_cells),
                "Choose 1 to 32",
            ));
        }
        Ok(())
    }
}

/// The distortion of images of one shape.
#[derive(Debug)]
pub(crate) struct Augmenter {
    settings: Augment,
    height: usize,
    width: usize,
    channels: usize,
    elastic: Option<Elastic>,
}

/// Memory that distortions use again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    padded: Vec<f32>,
    bend: elastic::Bend,
}

impl Augmenter {
    /// Errors if the settings are out of range or `shape` is not `[height, width, channels]`.
    pub(crate) fn new(settings: &Augment, shape: &[usize]) -> Result<Self> {
        settings.check()?;
        let &[height, width, channels] = shape else {
            return Err(DataError::request(
                format!("only images can be augmented, not examples of shape {shape:?}"),
                "Leave out [data.augment], or give images [height, width, channels]",
            ));
        };
        let elastic =
            (settings.elastic > 0.0).then(|| Elastic::new(settings.elastic, settings.elastic_cells, height, width));
        Ok(Augmenter { settings: settings.clone(), height, width, channels, elastic })
    }

    /// Writes the distorted `raw` to `out`, drawing from `rng`.
    pub(crate) fn distort(&self, raw: Raw<'_>, rng: &mut Rng, scratch: &mut Scratch, out: &mut [f32]) {
        let map = AffineMap::draw(&self.settings, self.height, self.width, rng);
        warp::pad(raw, self.width, self.channels, &mut scratch.padded);
        if let Some(elastic) = &self.elastic {
            elastic.draw(rng, &mut scratch.bend);
        }
        let image = warp::Padded { pixels: &scratch.padded, width: self.width, channels: self.channels };
        for (y, row) in out.chunks_exact_mut(self.width * self.channels).enumerate() {
            let bend = self.elastic.as_ref().map(|elastic| elastic.row(y, &mut scratch.bend));
            warp::row(&image, self.height, &map, bend, y, row);
        }
        if self.settings.cutout > 0.0 {
            self.cut_out(rng, out);
        }
    }

    fn cut_out(&self, rng: &mut Rng, out: &mut [f32]) {
        let span = |size: usize, rng: &mut Rng| {
            let side = (self.settings.cutout * size as f32).round() as usize;
            let start = (rng.below(size as u64) as usize + size).saturating_sub(side / 2);
            start.saturating_sub(size)..(start + side).saturating_sub(size).min(size)
        };
        let (rows, columns) = (span(self.height, rng), span(self.width, rng));
        for row in out.chunks_exact_mut(self.width * self.channels).take(rows.end).skip(rows.start) {
            row[columns.start * self.channels..columns.end * self.channels].fill(0.0);
        }
    }
}
