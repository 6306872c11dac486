//! RandAugment: a few operations, drawn from a list, all of one strength.
//!
//! Source: E. Cubuk, B. Zoph, J. Shlens, Q. Le, "RandAugment: practical automated data augmentation with a reduced search
//! space", 2019. Reference: `RandAugment` of Torchvision, with the same operations and strengths; here places between
//! pixels are interpolated (bilinear), not rounded to the nearest.

use kamado_graph::rng::Rng;

use super::affine_map::AffineMap;
use super::colour;

/// One operation of an image, with its strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operation {
    Nothing,
    /// `x' = x + amount * y`, as a map from output to source.
    ShearX(f32),
    ShearY(f32),
    /// In pixels.
    MoveX(f32),
    MoveY(f32),
    /// In degrees.
    Turn(f32),
    Brightness(f32),
    Saturation(f32),
    Contrast(f32),
    Sharpness(f32),
    Posterize(u32),
    Solarize(f32),
    Autocontrast,
    Equalize,
}

impl Operation {
    /// Draws an operation of `magnitude` (0 to 30) for an image of `[height, width]`.
    pub(super) fn draw(magnitude: f32, [height, width]: [usize; 2], rng: &mut Rng) -> Self {
        use Operation::*;
        let kind = rng.below(14);
        let share = magnitude / 30.0;
        let mut signed = |most: f32| if rng.uniform() < 0.5 { most * share } else { -most * share };
        match kind {
            0 => Nothing,
            1 => ShearX(signed(0.3)),
            2 => ShearY(signed(0.3)),
            3 => MoveX(signed(150.0 / 331.0 * width as f32)),
            4 => MoveY(signed(150.0 / 331.0 * height as f32)),
            5 => Turn(signed(30.0)),
            6 => Brightness(1.0 + signed(0.9)),
            7 => Saturation(1.0 + signed(0.9)),
            8 => Contrast(1.0 + signed(0.9)),
            9 => Sharpness(1.0 + signed(0.9)),
            10 => Posterize(8 - (4.0 * share).round() as u32),
            11 => Solarize(colour::WHITE * (1.0 - share)),
            12 => Autocontrast,
            _ => Equalize,
        }
    }

    /// Where each pixel of the result comes from; None if it stays in its place.
    pub(super) fn map(self, [height, width]: [usize; 2]) -> Option<AffineMap> {
        const STILL: AffineMap = AffineMap { xx: 1.0, xy: 0.0, yx: 0.0, yy: 1.0, x0: 0.0, y0: 0.0 };
        match self {
            // Slanted about the upper left corner, half a pixel from the middle of the first pixel.
            Operation::ShearX(amount) => Some(AffineMap { xy: amount, x0: 0.5 * amount, ..STILL }),
            Operation::ShearY(amount) => Some(AffineMap { yx: amount, y0: 0.5 * amount, ..STILL }),
            Operation::MoveX(pixels) => Some(AffineMap { x0: pixels.trunc(), ..STILL }),
            Operation::MoveY(pixels) => Some(AffineMap { y0: pixels.trunc(), ..STILL }),
            Operation::Turn(degrees) => {
                let (sin, cos) = degrees.to_radians().sin_cos();
                let (cx, cy) = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
                let (x0, y0) = (cx - cos * cx + sin * cy, cy - sin * cx - cos * cy);
                Some(AffineMap { xx: cos, xy: -sin, yx: sin, yy: cos, x0, y0 })
            }
            _ => None,
        }
    }

    /// Changes the colours of an image, 0 to 255.
    pub(super) fn recolour(self, image: &mut [f32], shape: [usize; 3], spare: &mut Vec<f32>) {
        let channels = shape[2];
        match self {
            Operation::Brightness(factor) => colour::brightness(image, factor),
            Operation::Saturation(factor) => colour::saturation(image, channels, factor),
            Operation::Contrast(factor) => colour::contrast(image, channels, factor),
            Operation::Sharpness(factor) => colour::sharpness(image, shape, factor, spare),
            Operation::Posterize(bits) => colour::posterize(image, bits),
            Operation::Solarize(threshold) => colour::solarize(image, threshold),
            Operation::Autocontrast => colour::autocontrast(image, channels),
            Operation::Equalize => colour::equalize(image, channels),
            _ => {}
        }
    }
}
