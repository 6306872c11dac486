//! How far images are distorted.

use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};

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
    /// Cut out a random part and resize it to the whole: at least this share of the area (0 to 1), with proportions
    /// changed by up to 4 : 3. In training on picture files, the part is cut out of the file's own resolution.
    ///
    /// Source: C. Szegedy et al., "Going deeper with convolutions", 2014; `RandomResizedCrop` of Torchvision.
    pub resized_crop: f32,
    /// Move by up to this many whole pixels along each axis, as if a part were cut out of the image with that much black
    /// around it (0 to 1024).
    pub crop: usize,
    /// Mirror every second image, top to bottom.
    pub vertical_flip: bool,
    /// Tilt: each corner moves inwards by up to this share of half the image side (0 to 0.6; beyond, an image could fold).
    ///
    /// Reference: `RandomPerspective` of Torchvision.
    pub perspective: f32,
    /// Multiply all numbers by `1 - brightness` to `1 + brightness` (0 to 1).
    pub brightness: f32,
    /// Multiply the distance from the mean of the image by `1 - contrast` to `1 + contrast` (0 to 1).
    pub contrast: f32,
    /// Multiply the distance from grey by `1 - saturation` to `1 + saturation` (0 to 1).
    pub saturation: f32,
    /// Turn the hue left or right, as a share of the circle of colours (0 to 0.5).
    pub hue: f32,
    /// Blur with a Gaussian whose standard deviation is up to this many pixels (0 to 32).
    pub blur: f32,
    /// Add noise whose standard deviation is up to this share of white (0 to 1).
    pub noise: f32,
    /// How many operations of RandAugment follow one another (0 to 14); its authors use 2.
    pub rand_augment: usize,
    /// The strength of the operations of RandAugment (0 to 30).
    pub rand_augment_magnitude: f32,
    /// Blend images and labels of a batch: the parameter of the distribution of shares (0 to 10), usually 0.2.
    pub mixup: f32,
    /// Put a rectangle of one image into another and blend the labels: the parameter of the distribution of areas
    /// (0 to 10), usually 1.
    pub cutmix: f32,
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
            resized_crop: 0.0,
            crop: 0,
            vertical_flip: false,
            perspective: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
            blur: 0.0,
            noise: 0.0,
            rand_augment: 0,
            rand_augment_magnitude: 9.0,
            mixup: 0.0,
            cutmix: 0.0,
        }
    }
}

impl Augment {
    /// What concerns whole batches: mixup and cutmix, nothing else. None if neither is wanted.
    pub fn blending(&self) -> Option<Self> {
        let Augment { mixup, cutmix, .. } = *self;
        (mixup > 0.0 || cutmix > 0.0).then(|| Augment { mixup, cutmix, ..Augment::default() })
    }

    /// Errors if a setting is out of its range, naming it.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("rotation", self.rotation, 180.0),
            ("shift", self.shift, 1.0),
            ("zoom", self.zoom, 0.99),
            ("shear", self.shear, 80.0),
            ("elastic", self.elastic, 1.0),
            ("cutout", self.cutout, 1.0),
            ("resized_crop", self.resized_crop, 1.0),
            ("crop", self.crop as f32, 1024.0),
            ("perspective", self.perspective, 0.6),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
            ("saturation", self.saturation, 1.0),
            ("hue", self.hue, 0.5),
            ("blur", self.blur, 32.0),
            ("noise", self.noise, 1.0),
            ("rand_augment", self.rand_augment as f32, 14.0),
            ("rand_augment_magnitude", self.rand_augment_magnitude, 30.0),
            ("mixup", self.mixup, 10.0),
            ("cutmix", self.cutmix, 10.0),
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
