//! Taking noise out of a picture.

use super::{Denoise, Raster};
use crate::augment::blur;

/// Memory that is used again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    old: Vec<u8>,
    floats: Vec<f32>,
    blur: blur::Scratch,
}

pub(super) fn apply(kind: Denoise, raster: &mut Raster, scratch: &mut Scratch) {
    match kind {
        Denoise::None => {}
        Denoise::Median => median(raster, &mut scratch.old),
        Denoise::Gaussian => {
            let Scratch { floats, blur, .. } = scratch;
            floats.clear();
            floats.extend(raster.pixels.iter().map(|&x| f32::from(x)));
            blur::gaussian(floats, [raster.height, raster.width, raster.channels], 1.0, blur);
            raster.pixels.iter_mut().zip(floats).for_each(|(out, x)| *out = (*x + 0.5) as u8);
        }
    }
}

fn median(raster: &mut Raster, old: &mut Vec<u8>) {
    let Raster { height, width, channels, pixels } = raster;
    let stride = *width * *channels;
    old.clone_from(pixels);
    for (y, out) in pixels.chunks_exact_mut(stride).enumerate() {
        let lines = [y.saturating_sub(1), y, (y + 1).min(*height - 1)].map(|y| &old[y * stride..(y + 1) * stride]);
        for (i, out) in out.iter_mut().enumerate() {
            let left = if i < *channels { i } else { i - *channels };
            let right = if i + *channels < stride { i + *channels } else { i };
            *out = median_of_9(lines.map(|line| [line[left], line[i], line[right]]));
        }
    }
}

/// The median is that of three: the greatest of the least, the middle one of the middle ones, and the least of the
/// greatest of sorted columns (A. Paeth, "Median finding on a 3x3 grid", Graphics Gems, 1990).
fn median_of_9(lines: [[u8; 3]; 3]) -> u8 {
    let sorted = [0, 1, 2].map(|i| sort([lines[0][i], lines[1][i], lines[2][i]]));
    let least = sorted[0][0].max(sorted[1][0]).max(sorted[2][0]);
    let middle = sort([sorted[0][1], sorted[1][1], sorted[2][1]])[1];
    let greatest = sorted[0][2].min(sorted[1][2]).min(sorted[2][2]);
    sort([least, middle, greatest])[1]
}

fn sort([a, b, c]: [u8; 3]) -> [u8; 3] {
    let (a, b) = (a.min(b), a.max(b));
    let (b, c) = (b.min(c), b.max(c));
    [a.min(b), a.max(b), c]
}
