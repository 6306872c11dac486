//! Resizing a part of a picture to any size, without aliasing.
//!
//! Each new pixel is the weighted mean of the old ones around its place; weights fall linearly to 0 at a distance of one
//! old pixel where the picture grows, and of one new pixel where it shrinks:
//! `w(d) = max(0, 1 - |d| / max(1, scale))` with `scale = old / new`, divided by their sum.
//!
//! Reference: Pillow, `Image.resize(size, BILINEAR)`, which Torchvision uses, without its rounding between the axes.

/// A rectangle of a picture, in pixels: the first one covers 0 to 1. It may begin or end within a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Where it begins, from the left.
    pub left: f32,
    /// Where it begins, from the top.
    pub top: f32,
    /// Its width, above 0.
    pub width: f32,
    /// Its height, above 0.
    pub height: f32,
}

impl Region {
    /// The whole picture.
    pub fn whole(height: usize, width: usize) -> Self {
        Region { left: 0.0, top: 0.0, width: width as f32, height: height as f32 }
    }
}

/// Pixels `[height, width, channels]`, bytes or floats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid<'a, T> {
    pub(crate) pixels: &'a [T],
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

/// Memory that is used again and again.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResizeScratch {
    across: Taps,
    down: Taps,
    line: Vec<f32>,
}

/// Which old pixels a new one is made of, along one axis.
#[derive(Clone, Debug, Default)]
struct Taps {
    /// For each new pixel the first old one and where its weights end.
    spans: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Taps {
    /// For `new` pixels from `start..start + len` of `old` pixels; only those that the part touches count.
    fn set(&mut self, start: f32, len: f32, old: usize, new: usize) {
        self.spans.clear();
        self.weights.clear();
        let lowest = (start.max(0.0) as usize).min(old - 1);
        let highest = ((start + len).ceil() as usize).clamp(lowest + 1, old);
        let scale = len / new as f32;
        let reach = scale.max(1.0);
        for i in 0..new {
            let centre = start + (i as f32 + 0.5) * scale;
            let first = ((centre - reach + 0.5).max(0.0) as usize).clamp(lowest, highest - 1);
            let end = ((centre + reach + 0.5).max(0.0) as usize).clamp(first + 1, highest);
            let from = self.weights.len();
            self.weights.extend((first..end).map(|x| (1.0 - (x as f32 + 0.5 - centre).abs() / reach).max(0.0)));
            let weights = &mut self.weights[from..];
            let sum: f32 = weights.iter().sum();
            // At the very edge a part of a pixel may be all there is.
            if sum > 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            } else {
                weights.fill(1.0 / (end - first) as f32);
            }
            self.spans.push((first, self.weights.len()));
        }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let starts = std::iter::once(0).chain(self.spans.iter().map(|&(_, end)| end));
        self.spans.iter().zip(starts).map(|(&(first, end), start)| (first, &self.weights[start..end]))
    }
}

/// Writes `region` of `source` in `size = (height, width)` to `rows`, one slice `[width, channels]` per row.
///
/// Rows are blended before columns, because whole rows are what a processor blends fastest.
pub(crate) fn resize<'a, T: Copy + Into<f32>>(
    source: Grid<'_, T>,
    region: Region,
    size: (usize, usize),
    scratch: &mut ResizeScratch,
    rows: impl Iterator<Item = &'a mut [f32]>,
) {
    let ResizeScratch { across, down, line } = scratch;
    across.set(region.left, region.width, source.width, size.1);
    down.set(region.top, region.height, source.height, size.0);
    // Columns outside the region are never looked at.
    let first = across.iter().map(|(first, _)| first).min().unwrap_or(0);
    let end = across.iter().map(|(first, weights)| first + weights.len()).max().unwrap_or(0);
    let (stride, channels) = (source.width * source.channels, source.channels);
    line.resize((end - first) * channels, 0.0);
    for ((y, weights), out) in down.iter().zip(rows) {
        let old = |k: usize| &source.pixels[(y + k) * stride + first * channels..(y + k) * stride + end * channels];
        blend_rows(weights, old, line);
        match channels {
            1 => blend_columns::<1>(across, first, line, out),
            3 => blend_columns::<3>(across, first, line, out),
            _ => blend_any_columns(across, first, channels, line, out),
        }
    }
}

/// `line = sum over k of weights[k] * old(k)`, four rows at a time, so that the sum is written a quarter as often.
fn blend_rows<'a, T: Copy + Into<f32> + 'a>(weights: &[f32], old: impl Fn(usize) -> &'a [T], line: &mut [f32]) {
    line.fill(0.0);
    let mut k = 0;
    while k + 4 <= weights.len() {
        let [a, b, c, d] = [old(k), old(k + 1), old(k + 2), old(k + 3)];
        let [wa, wb, wc, wd] = [weights[k], weights[k + 1], weights[k + 2], weights[k + 3]];
        let rows = a.iter().zip(b).zip(c.iter().zip(d));
        for (sum, ((&a, &b), (&c, &d))) in line.iter_mut().zip(rows) {
            let (a, b, c, d): (f32, f32, f32, f32) = (a.into(), b.into(), c.into(), d.into());
            *sum += (wa * a + wb * b) + (wc * c + wd * d);
        }
        k += 4;
    }
    for (k, weight) in weights.iter().enumerate().skip(k) {
        for (sum, &old) in line.iter_mut().zip(old(k)) {
            let old: f32 = old.into();
            *sum += weight * old;
        }
    }
}

fn blend_columns<const C: usize>(across: &Taps, base: usize, line: &[f32], out: &mut [f32]) {
    for ((first, weights), out) in across.iter().zip(out.chunks_exact_mut(C)) {
        let mut sum = [0.0; C];
        for (weight, old) in weights.iter().zip(line[(first - base) * C..].chunks_exact(C)) {
            for c in 0..C {
                sum[c] += weight * old[c];
            }
        }
        out.copy_from_slice(&sum);
    }
}

fn blend_any_columns(across: &Taps, base: usize, channels: usize, line: &[f32], out: &mut [f32]) {
    for ((first, weights), out) in across.iter().zip(out.chunks_exact_mut(channels)) {
        out.fill(0.0);
        for (weight, old) in weights.iter().zip(line[(first - base) * channels..].chunks_exact(channels)) {
            out.iter_mut().zip(old).for_each(|(sum, old)| *sum += weight * old);
        }
    }
}
