//! Placing a digit as the makers of MNIST placed theirs.
//!
//! Source: Y. LeCun, C. Cortes, C. Burges: digits were "size normalized to fit in a 20x20 pixel box while preserving
//! their aspect ratio", then "centered in a 28x28 image by computing the center of mass of the pixels".

use image::{GrayImage, Luma, imageops};

use super::picture::border_mean;

/// Less contrast than this between ground and figure (of 255) is noise: there is no figure.
const LEAST_CONTRAST: f32 = 32.0;
/// Share of the contrast above which a pixel belongs to the figure, so that shadows on paper do not.
const FIGURE: u8 = 51;

/// Cuts out the light figure on dark ground, fits it into a square of `side` pixels, and puts its centre of mass into
/// the middle of `width` x `height` black pixels, or as near as keeps it inside. None if there is no figure.
pub(super) fn place(image: &GrayImage, side: usize, width: u32, height: u32) -> Option<GrayImage> {
    let side = u32::try_from(side).unwrap_or(u32::MAX).min(width).min(height);
    let figure = crop(&stretch(image)?)?;
    let scale = f64::from(side) / f64::from(figure.width().max(figure.height()));
    let fit = |size: u32| ((f64::from(size) * scale).round() as u32).clamp(1, side);
    let (w, h) = (fit(figure.width()), fit(figure.height()));
    let figure = imageops::resize(&figure, w, h, imageops::FilterType::Triangle);
    let (x, y) = centre_of_mass(&figure);
    let corner = |size: u32, centre: f64, part: u32| {
        (((f64::from(size) - 1.0) / 2.0 - centre).round().max(0.0) as u32).min(size - part)
    };
    let mut canvas = GrayImage::new(width, height);
    imageops::replace(&mut canvas, &figure, corner(width, x, w).into(), corner(height, y, h).into());
    Some(canvas)
}

/// Ground to 0, lightest pixel to 255.
fn stretch(image: &GrayImage) -> Option<GrayImage> {
    let ground = border_mean(image);
    let lightest = f32::from(image.pixels().map(|pixel| pixel.0[0]).max()?);
    let contrast = lightest - ground;
    if contrast < LEAST_CONTRAST {
        return None;
    }
    let level = |x: u8| ((f32::from(x) - ground) / contrast * 255.0).round() as u8;
    let mut stretched = image.clone();
    stretched.pixels_mut().for_each(|Luma([x])| *x = level(*x));
    Some(stretched)
}

fn crop(image: &GrayImage) -> Option<GrayImage> {
    let inside = image.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] >= FIGURE);
    let (left, top, right, bottom) =
        inside.fold((u32::MAX, u32::MAX, 0, 0), |(l, t, r, b), (x, y, _)| (l.min(x), t.min(y), r.max(x), b.max(y)));
    if left > right {
        return None;
    }
    Some(imageops::crop_imm(image, left, top, right - left + 1, bottom - top + 1).to_image())
}

/// The mean position of the light, in pixels from the first.
fn centre_of_mass(image: &GrayImage) -> (f64, f64) {
    let moments = image.enumerate_pixels().fold((0.0, 0.0, 0.0), |(mass, mx, my), (x, y, pixel)| {
        let light = f64::from(pixel.0[0]);
        (mass + light, mx + light * f64::from(x), my + light * f64::from(y))
    });
    if moments.0 > 0.0 { (moments.1 / moments.0, moments.2 / moments.0) } else { (0.0, 0.0) }
}
