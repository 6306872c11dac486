//! Bilinear sampling of one output row.

use super::affine_map::AffineMap;
use super::projective::Projective;
use crate::preprocess::Raw;

/// An image with black around it, one pixel before and two after, so that sampling needs no case for its edge.
pub(super) struct Padded<'a> {
    pub(super) pixels: &'a [f32],
    pub(super) width: usize,
    pub(super) channels: usize,
}

const PAD: usize = 3;

/// Copies an image into the middle of black.
pub(super) fn pad(raw: Raw<'_>, width: usize, channels: usize, padded: &mut Vec<f32>) {
    let (line, padded_line) = (width * channels, (width + PAD) * channels);
    let len = match raw {
        Raw::U8(raw) => raw.len(),
        Raw::F32(raw) => raw.len(),
    };
    padded.resize((len / line + PAD) * padded_line, 0.0);
    // An image of another shape may have been here before.
    padded[..padded_line].fill(0.0);
    let end = padded.len() - (PAD - 1) * padded_line;
    padded[end..].fill(0.0);
    for (y, target) in padded[..end].chunks_exact_mut(padded_line).skip(1).enumerate() {
        target[..channels].fill(0.0);
        target[channels + line..].fill(0.0);
        let target = &mut target[channels..channels + line];
        match raw {
            Raw::U8(raw) => {
                let source = &raw[y * line..(y + 1) * line];
                target.iter_mut().zip(source).for_each(|(target, &x)| *target = f32::from(x));
            }
            Raw::F32(raw) => target.copy_from_slice(&raw[y * line..(y + 1) * line]),
        }
    }
}

/// What sampling gives if every pixel stays where it is.
pub(super) fn copy(raw: Raw<'_>, out: &mut [f32]) {
    match raw {
        Raw::U8(raw) => out.iter_mut().zip(raw).for_each(|(out, &x)| *out = f32::from(x)),
        Raw::F32(raw) => out.copy_from_slice(raw),
    }
}

/// What sampling gives if left and right change places.
pub(super) fn mirror(raw: Raw<'_>, width: usize, channels: usize, out: &mut [f32]) {
    copy(raw, out);
    for row in out.chunks_exact_mut(width * channels) {
        row.reverse();
        row.chunks_exact_mut(channels).for_each(<[f32]>::reverse);
    }
}

/// Samples output row `y` of a map that may tilt the image, as [`row`] does.
pub(super) fn tilted_row(
    image: &Padded<'_>,
    height: usize,
    map: &Projective,
    bend: Option<&[(f32, f32)]>,
    y: usize,
    out: &mut [f32],
) {
    let position = |x: usize| {
        let (at, bend) = (map.apply(x as f32, y as f32), bend.map_or((0.0, 0.0), |bend| bend[x]));
        (at.0 + bend.0, at.1 + bend.1)
    };
    sample_row(image, image.channels, height, position, out);
}

/// Samples output row `y`; `bend` displaces each source position further, by (x, y) pixels.
pub(super) fn row(
    image: &Padded<'_>,
    height: usize,
    map: &AffineMap,
    bend: Option<&[(f32, f32)]>,
    y: usize,
    out: &mut [f32],
) {
    let start = (map.xy * y as f32 + map.x0, map.yy * y as f32 + map.y0);
    let position = |x: usize| (map.xx * x as f32 + start.0, map.yx * x as f32 + start.1);
    let bent = |x: usize, bend: &[(f32, f32)]| (position(x).0 + bend[x].0, position(x).1 + bend[x].1);
    // A number of channels that the compiler knows makes the loop over them disappear.
    match (bend, image.channels) {
        (None, 1) => sample_row(image, 1, height, position, out),
        (None, channels) => sample_row(image, channels, height, position, out),
        (Some(bend), 1) => sample_row(image, 1, height, |x| bent(x, bend), out),
        (Some(bend), channels) => sample_row(image, channels, height, |x| bent(x, bend), out),
    }
}

/// Samples one row at the source position of each of its pixels.
#[inline(always)]
fn sample_row(
    image: &Padded<'_>,
    channels: usize,
    height: usize,
    position: impl Fn(usize) -> (f32, f32),
    out: &mut [f32],
) {
    let stride = (image.width + PAD) * channels;
    let (right_most, lowest) = (image.width as f32 + 1.0, height as f32 + 1.0);
    for (x, out) in out.chunks_exact_mut(channels).enumerate() {
        let (x, y) = position(x);
        // In padded coordinates, which are never negative, so that truncation rounds down.
        let (x, y) = ((x + 1.0).max(0.0).min(right_most), (y + 1.0).max(0.0).min(lowest));
        let (column, line) = (x as i32, y as i32);
        let (right, down) = (x - column as f32, y - line as f32);
        let start = line as usize * stride + column as usize * channels;
        let above = &image.pixels[start..start + 2 * channels];
        let below = &image.pixels[start + stride..start + stride + 2 * channels];
        for (channel, out) in out.iter_mut().enumerate() {
            let across = |line: &[f32]| line[channel] + right * (line[channel + channels] - line[channel]);
            *out = across(above) + down * (across(below) - across(above));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: AffineMap = AffineMap { xx: 1.0, xy: 0.0, yx: 0.0, yy: 1.0, x0: 0.0, y0: 0.0 };

    /// A 3x4 image with two channels, warped.
    fn warped(map: &AffineMap, bend: Option<&[(f32, f32)]>) -> Vec<f32> {
        let (mut padded, mut out) = (Vec::new(), vec![f32::NAN; 24]);
        pad(Raw::U8(&source()), 4, 2, &mut padded);
        let image = Padded { pixels: &padded, width: 4, channels: 2 };
        out.chunks_exact_mut(8).enumerate().for_each(|(y, out)| row(&image, 3, map, bend, y, out));
        out
    }

    fn source() -> Vec<u8> {
        (0..24).map(|i| (i * i % 251) as u8).collect()
    }

    /// The value at a position by the definition: weights that fall linearly to 0 at distance 1.
    fn reference(x: f64, y: f64, channel: usize) -> f64 {
        let weight = |distance: f64| (1.0 - distance.abs()).max(0.0);
        let pixels = (0..3).flat_map(|row| (0..4).map(move |column| (row, column)));
        pixels
            .map(|(row, column)| {
                let value = f64::from(source()[(row * 4 + column) * 2 + channel]);
                weight(x - column as f64) * weight(y - row as f64) * value
            })
            .sum()
    }

    #[test]
    fn sampling_is_bilinear_and_black_outside() {
        let maps = [
            IDENTITY,
            AffineMap { x0: 0.5, y0: -0.25, ..IDENTITY },
            AffineMap { xx: 0.0, xy: 1.0, yx: -1.0, yy: 0.0, x0: 0.3, y0: 2.0 },
            AffineMap { xx: 1.7, xy: -0.4, yx: 0.9, yy: 0.6, x0: -2.1, y0: -1.3 },
            AffineMap { x0: 1e30, y0: -1e30, ..IDENTITY },
        ];
        let bend = [(0.1, -0.2), (1.5, 0.0), (0.0, 0.7), (-3.0, 0.25)];
        for map in &maps {
            for bend in [None, Some(&bend[..])] {
                for (i, &found) in warped(map, bend).iter().enumerate() {
                    let (x, y, channel) = (i / 2 % 4, i / 8, i % 2);
                    let (dx, dy) = bend.map_or((0.0, 0.0), |bend| bend[x]);
                    let (column, line) = (f64::from(x as u8), f64::from(y as u8));
                    let from = |a: f32, b: f32, c: f32, d: f32| {
                        f64::from(a) * column + f64::from(b) * line + f64::from(c) + f64::from(d)
                    };
                    let expected =
                        reference(from(map.xx, map.xy, map.x0, dx), from(map.yx, map.yy, map.y0, dy), channel);
                    assert!((f64::from(found) - expected).abs() < 1e-3, "{map:?} at {i}: {found} for {expected}");
                }
            }
        }
    }

    #[test]
    fn copies_and_mirrors_are_what_sampling_gives() {
        let mut out = vec![0.0; 24];
        copy(Raw::U8(&source()), &mut out);
        assert_eq!(out, warped(&IDENTITY, None));
        mirror(Raw::U8(&source()), 4, 2, &mut out);
        assert_eq!(out, warped(&AffineMap { xx: -1.0, x0: 3.0, ..IDENTITY }, None));
    }
}
