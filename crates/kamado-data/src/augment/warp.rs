//! Bilinear sampling of one output row.

use super::affine_map::AffineMap;
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
    // The frame is black from the first image of this size on.
    padded.resize((len / line + PAD) * padded_line, 0.0);
    for (y, target) in padded.chunks_exact_mut(padded_line).skip(1).take(len / line).enumerate() {
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

/// Samples output row `y`; `bend` displaces each source position further, by (x, y) pixels.
pub(super) fn row(
    image: &Padded<'_>,
    height: usize,
    map: &AffineMap,
    bend: Option<&[(f32, f32)]>,
    y: usize,
    out: &mut [f32],
) {
    let (left, top) = (map.xy * y as f32 + map.x0, map.yy * y as f32 + map.y0);
    for (x, out) in out.chunks_exact_mut(image.channels).enumerate() {
        let (bend_x, bend_y) = bend.map_or((0.0, 0.0), |bend| bend[x]);
        let source_x = map.xx * x as f32 + left + bend_x;
        let source_y = map.yx * x as f32 + top + bend_y;
        sample(image, height, source_x, source_y, out);
    }
}

#[inline]
fn sample(image: &Padded<'_>, height: usize, x: f32, y: f32, out: &mut [f32]) {
    // In padded coordinates, which are never negative, so that truncation rounds down.
    let (x, y) = ((x + 1.0).clamp(0.0, image.width as f32 + 1.0), (y + 1.0).clamp(0.0, height as f32 + 1.0));
    let (column, line) = (x as i32 as usize, y as i32 as usize);
    let (right, down) = (x - column as i32 as f32, y - line as i32 as f32);
    let stride = (image.width + PAD) * image.channels;
    let start = line * stride + column * image.channels;
    let window = &image.pixels[start..start + stride + 2 * image.channels];
    for (channel, out) in out.iter_mut().enumerate() {
        let next = channel + image.channels;
        let above = window[channel] + right * (window[next] - window[channel]);
        let below = window[stride + channel] + right * (window[stride + next] - window[stride + channel]);
        *out = above + down * (below - above);
    }
}
