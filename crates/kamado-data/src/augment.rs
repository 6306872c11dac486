//! Random distortion of training images on the fly: for training, never for validation or test.
//!
//! In this order, each only if it is wanted: a random part is cut out and resized; one pass over the image asks where each
//! pixel comes from (turned, moved, scaled, slanted, tilted, bent) and what is there (bilinear; black outside); RandAugment
//! does its operations; colours change; the image is blurred; noise is added; a square is blanked. [`Mix`] then blends
//! the images of a batch. Boxes and masks follow by [`Placement`].

mod affine_map;
pub(crate) mod blur;
mod colour;
mod elastic;
mod mix;
mod noise;
mod placement;
mod projective;
mod rand_augment;
#[cfg(test)]
mod reference;
mod settings;
mod warp;

use kamado_graph::rng::Rng;

use crate::error::{DataError, Result};
use crate::preprocess::Raw;
use crate::vision::{Grid, Region, ResizeScratch, resize};
use affine_map::AffineMap;
use elastic::Elastic;
pub use mix::Mix;
pub(crate) use placement::Origin;
pub use placement::{BoundingBox, Placement};
use projective::Projective;
use rand_augment::Operation;
pub use settings::Augment;

/// The distortion of images of one shape.
#[derive(Debug)]
pub struct Augmenter {
    settings: Augment,
    height: usize,
    width: usize,
    channels: usize,
    /// The number that stands for white.
    white: f32,
    elastic: Option<Elastic>,
}

/// Memory that distortions use again and again; one for each thread.
#[derive(Debug, Default)]
pub struct Scratch {
    padded: Vec<f32>,
    row: elastic::Row,
    cropped: Vec<f32>,
    spare: Vec<f32>,
    resize: ResizeScratch,
    blur: blur::Scratch,
    placement: Placement,
}

impl Scratch {
    /// Where the parts of the image that was distorted last went, for its boxes and masks.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The placement of an image that is not distorted.
    pub(crate) fn set_placement(&mut self, origin: Origin, size: [usize; 2]) {
        self.placement.begin(origin, size);
    }
}

impl Augmenter {
    /// The distortion of images of `shape`.
    ///
    /// # Errors
    /// If the settings are out of range or `shape` is not `[height, width, channels]`.
    pub fn new(settings: &Augment, shape: &[usize]) -> Result<Self> {
        settings.check()?;
        let &[height, width, channels] = shape else {
            return Err(DataError::request(
                format!("only images can be augmented, not examples of shape {shape:?}"),
                "Leave out [data.augment], or give images [height, width, channels]",
            ));
        };
        let elastic =
            (settings.elastic > 0.0).then(|| Elastic::new(settings.elastic, settings.elastic_cells, height, width));
        Ok(Augmenter { settings: settings.clone(), height, width, channels, white: colour::WHITE, elastic })
    }

    /// The same for images in which `white`, above 0, stands for white; until it is said, 255 does.
    pub fn with_white(self, white: f32) -> Self {
        Augmenter { white, ..self }
    }

    /// `[height, width, channels]` of the images.
    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// Writes the distorted `raw` to `out`, drawing from `rng`.
    pub(crate) fn distort(&self, raw: Raw<'_>, rng: &mut Rng, scratch: &mut Scratch, out: &mut [f32]) {
        let size = [self.height, self.width];
        let Some(region) = self.draw_crop(size, rng) else {
            return self.distort_placed(raw, Origin::whole(size), rng, scratch, out);
        };
        let mut cropped = std::mem::take(&mut scratch.cropped);
        cropped.resize(out.len(), 0.0);
        let rows = cropped.chunks_exact_mut(self.width * self.channels);
        let (size, resizing) = ((self.height, self.width), &mut scratch.resize);
        match raw {
            Raw::U8(pixels) => resize(self.grid(pixels), region, size, resizing, rows),
            Raw::F32(pixels) => resize(self.grid(pixels), region, size, resizing, rows),
        }
        let origin = Origin { region, ..Origin::whole([self.height, self.width]) };
        self.distort_placed(Raw::F32(&cropped), origin, rng, scratch, out);
        scratch.cropped = cropped;
    }

    fn grid<'a, T>(&self, pixels: &'a [T]) -> Grid<'a, T> {
        Grid { pixels, height: self.height, width: self.width, channels: self.channels }
    }

    /// The part of a picture of `[height, width]` that is to become all of it, if parts are wanted.
    ///
    /// Its area is uniform and the logarithm of its proportions too; if it does not fit in ten draws, it is the largest in
    /// the middle whose proportions are allowed. Reference: `RandomResizedCrop` of Torchvision.
    pub(crate) fn draw_crop(&self, [height, width]: [usize; 2], rng: &mut Rng) -> Option<Region> {
        const RATIO: f64 = 4.0 / 3.0;
        let least = f64::from(self.settings.resized_crop);
        if least == 0.0 {
            return None;
        }
        let (rows, columns) = (height as f64, width as f64);
        let (mut w, mut h) = (columns.min(rows * RATIO).round(), rows.min(columns * RATIO).round());
        for _ in 0..10 {
            let area = rows * columns * (least + (1.0 - least) * rng.uniform());
            let ratio = ((2.0 * rng.uniform() - 1.0) * RATIO.ln()).exp();
            let (wide, high) = ((area * ratio).sqrt().round(), (area / ratio).sqrt().round());
            if (1.0..=columns).contains(&wide) && (1.0..=rows).contains(&high) {
                let place = |room: f64, rng: &mut Rng| rng.below(room as u64 + 1) as f32;
                let (left, top) = (place(columns - wide, rng), place(rows - high, rng));
                return Some(Region { left, top, width: wide as f32, height: high as f32 });
            }
        }
        (w, h) = (w.max(1.0), h.max(1.0));
        let (left, top) = ((columns - w) / 2.0, (rows - h) / 2.0);
        Some(Region { left: left as f32, top: top as f32, width: w as f32, height: h as f32 })
    }

    /// Distorts an image that has the size of the result already.
    pub(crate) fn distort_placed(
        &self,
        raw: Raw<'_>,
        origin: Origin,
        rng: &mut Rng,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) {
        scratch.placement.begin(origin, [self.height, self.width]);
        self.warp(raw, rng, scratch, out);
        let Augment { brightness, contrast, saturation, hue, blur, noise, rand_augment, .. } = self.settings;
        let recolours = [brightness, contrast, saturation, hue, blur, noise].iter().any(|&limit| limit > 0.0);
        if recolours || rand_augment > 0 {
            let scale = |out: &mut [f32], factor: f32| {
                if factor != 1.0 {
                    out.iter_mut().for_each(|x| *x *= factor);
                }
            };
            scale(out, colour::WHITE / self.white);
            for _ in 0..rand_augment {
                let size = [self.height, self.width];
                self.operate(Operation::draw(self.settings.rand_augment_magnitude, size, rng), scratch, out);
            }
            self.recolour(rng, scratch, out);
            scale(out, self.white / colour::WHITE);
        }
        if self.settings.cutout > 0.0 {
            self.cut_out(rng, out);
        }
    }

    fn warp(&self, raw: Raw<'_>, rng: &mut Rng, scratch: &mut Scratch, out: &mut [f32]) {
        let map = AffineMap::draw(&self.settings, self.height, self.width, rng);
        let bend = &mut scratch.placement.bend;
        if let Some(elastic) = &self.elastic {
            elastic.draw(rng, bend.get_or_insert_default());
        }
        let tilted = self.draw_tilt(rng).map(|tilt| Projective::from(map).after(&tilt));
        scratch.placement.push(tilted.unwrap_or(map.into()));
        if self.elastic.is_none() && tilted.is_none() && map.is_copy() {
            return warp::copy(raw, out);
        } else if self.elastic.is_none() && tilted.is_none() && map.is_mirror(self.width) {
            return warp::mirror(raw, self.width, self.channels, out);
        }
        warp::pad(raw, self.width, self.channels, &mut scratch.padded);
        let image = warp::Padded { pixels: &scratch.padded, width: self.width, channels: self.channels };
        for (y, out) in out.chunks_exact_mut(self.width * self.channels).enumerate() {
            let bend = self.elastic.as_ref().zip(scratch.placement.bend.as_ref());
            let bend = bend.map(|(elastic, bend)| elastic.row(y, bend, &mut scratch.row));
            match &tilted {
                None => warp::row(&image, self.height, &map, bend, y, out),
                Some(tilted) => warp::tilted_row(&image, self.height, tilted, bend, y, out),
            }
        }
    }

    /// Where each pixel of a tilted image was before, if tilting is wanted.
    fn draw_tilt(&self, rng: &mut Rng) -> Option<Projective> {
        let limit = self.settings.perspective;
        if limit == 0.0 {
            return None;
        }
        let (width, height) = (self.width as f32, self.height as f32);
        let corners = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]].map(|[x, y]: [f32; 2]| {
            let mut inwards = |from: f32, size: f32| from + limit * rng.uniform() as f32 * (size / 2.0 - from);
            [inwards(x, width), inwards(y, height)]
        });
        Some(Projective::untilting(corners, [self.height, self.width]))
    }

    /// One operation of RandAugment.
    fn operate(&self, operation: Operation, scratch: &mut Scratch, out: &mut [f32]) {
        let Some(map) = operation.map([self.height, self.width]) else {
            return operation.recolour(out, self.shape(), &mut scratch.spare);
        };
        scratch.placement.push(map.into());
        warp::pad(Raw::F32(out), self.width, self.channels, &mut scratch.padded);
        let image = warp::Padded { pixels: &scratch.padded, width: self.width, channels: self.channels };
        for (y, row) in out.chunks_exact_mut(self.width * self.channels).enumerate() {
            warp::row(&image, self.height, &map, None, y, row);
        }
    }

    /// Brightness, contrast, saturation, hue, blur and noise, 0 to 255.
    fn recolour(&self, rng: &mut Rng, scratch: &mut Scratch, out: &mut [f32]) {
        let Augment { brightness, contrast, saturation, hue, blur, noise, .. } = self.settings;
        // Draws only for what is wanted, so that each is a function of the generator and of its own setting.
        let mut within =
            |limit: f32, middle: f32| (limit > 0.0).then(|| middle + limit * (2.0 * rng.uniform() - 1.0) as f32);
        if let Some(factor) = within(brightness, 1.0) {
            colour::brightness(out, factor);
        }
        if let Some(factor) = within(contrast, 1.0) {
            colour::contrast(out, self.channels, factor);
        }
        if let Some(factor) = within(saturation, 1.0) {
            colour::saturation(out, self.channels, factor);
        }
        if let Some(turn) = within(hue, 0.0) {
            colour::hue(out, self.channels, turn);
        }
        // A blur of a tenth of a pixel changes nothing.
        if let Some(sigma) = within(blur / 2.0, blur / 2.0).filter(|&sigma| sigma > 0.1) {
            blur::gaussian(out, self.shape(), sigma, &mut scratch.blur);
        }
        if let Some(std) = within(noise / 2.0, noise / 2.0) {
            noise::add(out, std * colour::WHITE, rng);
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
