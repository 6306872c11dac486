//! Brightness, contrast, saturation, hue and the other colour operations of RandAugment, on numbers from 0 to 255.
//!
//! Reference: `torchvision.transforms.v2.functional`. Grey is `0.2989 red + 0.587 green + 0.114 blue`; images that have
//! not three channels are grey as they are, and have neither saturation nor hue.

/// The lightest value.
pub(super) const WHITE: f32 = 255.0;

/// `x * factor`.
pub(super) fn brightness(image: &mut [f32], factor: f32) {
    image.iter_mut().for_each(|x| *x = within(*x * factor));
}

/// `factor * x + (1 - factor) * mean`, with the mean of the grey image.
pub(super) fn contrast(image: &mut [f32], channels: usize, factor: f32) {
    let sum: f64 = match channels {
        3 => image.chunks_exact(3).map(|pixel| f64::from(grey(pixel))).sum(),
        _ => image.iter().map(|&x| f64::from(x)).sum(),
    };
    let pixels = if channels == 3 { image.len() / 3 } else { image.len() };
    let rest = (1.0 - factor) * (sum / pixels as f64) as f32;
    image.iter_mut().for_each(|x| *x = within(factor * *x + rest));
}

/// `factor * x + (1 - factor) * grey` for each pixel.
pub(super) fn saturation(image: &mut [f32], channels: usize, factor: f32) {
    if channels == 3 {
        for pixel in image.chunks_exact_mut(3) {
            let rest = (1.0 - factor) * grey(pixel);
            pixel.iter_mut().for_each(|x| *x = within(factor * *x + rest));
        }
    }
}

/// Turns the hue by `turn` of the circle of colours (-0.5 to 0.5); lightness and saturation (HSV) stay.
pub(super) fn hue(image: &mut [f32], channels: usize, turn: f32) {
    if channels != 3 {
        return;
    }
    for pixel in image.chunks_exact_mut(3) {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]];
        let most = red.max(green).max(blue);
        let span = most - red.min(green).min(blue);
        if span == 0.0 {
            continue;
        }
        // In sixths of the circle.
        let sixths = if most == red {
            (green - blue) / span
        } else if most == green {
            2.0 + (blue - red) / span
        } else {
            4.0 + (red - green) / span
        };
        let sixths = (sixths + 6.0 * turn).rem_euclid(6.0);
        // Each channel is greatest over two sixths, least over two, and rises or falls in between.
        let channel = |peak: f32| {
            let distance = (sixths - peak + 3.0).rem_euclid(6.0) - 3.0;
            most - span * (distance.abs() - 1.0).clamp(0.0, 1.0)
        };
        pixel.copy_from_slice(&[channel(0.0), channel(2.0), channel(4.0)]);
    }
}

/// `factor * x + (1 - factor) * smooth`, where smooth is the mean of each pixel (5 times) and its eight neighbours; the
/// outermost pixels stay.
pub(super) fn sharpness(image: &mut [f32], [height, width, channels]: [usize; 3], factor: f32, old: &mut Vec<f32>) {
    old.clear();
    old.extend_from_slice(image);
    let stride = width * channels;
    for y in 1..height.saturating_sub(1) {
        for i in y * stride + channels..((y + 1) * stride).saturating_sub(channels) {
            let row = |middle: usize| old[middle - channels] + old[middle] + old[middle + channels];
            let smooth = (row(i - stride) + row(i) + row(i + stride) + 4.0 * old[i]) / 13.0;
            image[i] = within(factor * old[i] + (1.0 - factor) * smooth);
        }
    }
}

/// Keeps the highest `bits` (0 to 8) of each number, rounded down to a whole one.
pub(super) fn posterize(image: &mut [f32], bits: u32) {
    let mask = (0xFF00u32 >> bits) as u8;
    image.iter_mut().for_each(|x| *x = f32::from(*x as u8 & mask));
}

/// Inverts what is at least `threshold`.
pub(super) fn solarize(image: &mut [f32], threshold: f32) {
    image.iter_mut().filter(|x| **x >= threshold).for_each(|x| *x = WHITE - *x);
}

/// Stretches each channel so that it runs from 0 to 255.
pub(super) fn autocontrast(image: &mut [f32], channels: usize) {
    for channel in 0..channels {
        let values = || image.iter().skip(channel).step_by(channels);
        let (least, most) = values().fold((f32::MAX, f32::MIN), |(a, b), &x| (a.min(x), b.max(x)));
        if most > least {
            let scale = WHITE / (most - least);
            image.iter_mut().skip(channel).step_by(channels).for_each(|x| *x = within((*x - least) * scale));
        }
    }
}

/// Makes all 256 values of each channel about equally frequent, after rounding.
pub(super) fn equalize(image: &mut [f32], channels: usize) {
    for channel in 0..channels {
        let level = |x: f32| (x + 0.5) as u8 as usize;
        let mut counts = [0usize; 256];
        image.iter().skip(channel).step_by(channels).for_each(|&x| counts[level(x)] += 1);
        let last = counts.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
        let step = (image.len() / channels - last) / 255;
        if step == 0 {
            continue;
        }
        let (mut table, mut below) = ([0.0; 256], 0);
        for (to, count) in table.iter_mut().zip(counts) {
            *to = ((below + step / 2) / step).min(255) as f32;
            below += count;
        }
        table[0] = 0.0;
        image.iter_mut().skip(channel).step_by(channels).for_each(|x| *x = table[level(*x)]);
    }
}

fn grey(pixel: &[f32]) -> f32 {
    0.2989 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
}

fn within(x: f32) -> f32 {
    x.clamp(0.0, WHITE)
}
