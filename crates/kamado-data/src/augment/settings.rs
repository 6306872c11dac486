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
            ("resized_crop", self.resized_crop, 1.0),
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
