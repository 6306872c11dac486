//! Cutting a convolution into bands of output rows, and the tables and padded copies that a band needs.

use std::ops::Range;

use crate::gemm::{OffsetTable, Offsets, RawOffsets};

use super::winograd::Winograd;
use super::{Conv2dShape, table};

/// Multiply-adds that a band aims at: large enough for its weights to be read from the cache many times, small enough for
/// its padded input to stay there.
const LARGE: usize = 1 << 22;
/// Images too small for this many are taken together.
const SMALL: usize = 1 << 17;

/// A shape with what follows from it.
#[derive(Debug)]
pub(super) struct Geometry {
    pub(super) shape: Conv2dShape,
    /// The faster way, if there is one.
    pub(super) winograd: Option<Winograd>,
    /// Images of a band; more than one only if a band has all rows.
    images: usize,
    /// Output rows of a band.
    rows: usize,
    /// Offsets of the input pixels under the output pixels of a band, at the kernel's first element.
    pixels: OffsetTable,
    /// Offsets of the kernel's elements and channels from there.
    taps: OffsetTable,
}

/// The part of the output that a task computes.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) images: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Geometry {
    pub(super) fn new(shape: Conv2dShape) -> Self {
        let image = shape.out_h * shape.out_w * shape.out_c * shape.taps();
        let images = (SMALL / image.max(1)).clamp(1, shape.batch.max(1));
        let bands = if images > 1 { 1 } else { image.div_ceil(LARGE).max(1) };
        let rows = shape.out_h.div_ceil(bands).max(4.min(shape.out_h));
        let (winograd, empty) = (Winograd::new(shape), OffsetTable::default);
        let geometry = Geometry { shape, winograd, images, rows, pixels: empty(), taps: empty() };
        let (row, col) = geometry.steps();
        let image = geometry.image_step();
        let pixel = |b: usize, i: usize, j: usize| b * image + i * shape.stride_h * row + j * shape.stride_w * col;
        let pixels =
            (0..images).flat_map(|b| (0..rows).flat_map(move |i| (0..shape.out_w).map(move |j| pixel(b, i, j))));
        let tap = |p: usize, q: usize, c: usize| p * shape.dilation_h * row + q * shape.dilation_w * col + c;
        let (kernel_h, kernel_w, channels) = (shape.kernel_h, shape.kernel_w, shape.group_in());
        let taps =
            (0..kernel_h).flat_map(|p| (0..kernel_w).flat_map(move |q| (0..channels).map(move |c| tap(p, q, c))));
        Geometry { pixels: table(pixels), taps: table(taps), ..geometry }
    }

    /// Distances between input rows and columns, as a band sees them.
    fn steps(&self) -> (usize, usize) {
        let width = if self.shape.padded() { self.shape.cols_under() } else { self.shape.in_w };
        (width * self.shape.in_c, self.shape.in_c)
    }

    /// Distance between the input images of a band.
    fn image_step(&self) -> usize {
        let height = if self.shape.padded() { self.shape.rows_under(self.rows) } else { self.shape.in_h };
        height * self.steps().0
    }

    fn bands_per_image(&self) -> usize {
        self.shape.out_h.div_ceil(self.rows.max(1))
    }

    pub(super) fn bands(&self) -> usize {
        self.shape.batch.div_ceil(self.images) * self.bands_per_image()
    }

    pub(super) fn band(&self, index: usize) -> Band {
        let (image, row) = (index / self.bands_per_image() * self.images, index % self.bands_per_image() * self.rows);
        Band {
            images: image..self.shape.batch.min(image + self.images),
            rows: row..self.shape.out_h.min(row + self.rows),
        }
    }

    /// Output pixels of a band.
    pub(super) fn pixels_of(&self, band: &Band) -> usize {
        band.images.len() * band.rows.len() * self.shape.out_w
    }

    /// The first output value of a band.
    pub(super) fn output_start(&self, band: &Band) -> usize {
        (band.images.start * self.shape.out_h + band.rows.start) * self.shape.out_w * self.shape.out_c
    }

    pub(super) fn pixel_offsets(&self) -> RawOffsets {
        Offsets::Table(&self.pixels).raw()
    }

    pub(super) fn tap_offsets(&self) -> RawOffsets {
        Offsets::Table(&self.taps).raw()
    }

    /// Most output pixels of a band.
    pub(super) fn most_pixels(&self) -> usize {
        self.pixels.len()
    }

    /// Floats of [`Geometry::input`]'s copy.
    pub(super) fn input_scratch(&self) -> usize {
        if self.shape.padded() { (self.images * self.image_step()).next_multiple_of(16) } else { 0 }
    }

    /// Where a band's offsets count from: in `x` itself, or in a padded copy in `scratch`.
    ///
    /// # Safety
    /// `x` must have the shape's length, `scratch` room for [`Geometry::input_scratch`] floats.
    pub(super) unsafe fn input(&self, x: *const f32, band: &Band, scratch: *mut f32) -> *const f32 {
        let shape = &self.shape;
        let line = shape.in_w * shape.in_c;
        if !shape.padded() {
            return x.wrapping_add((band.images.start * shape.in_h + band.rows.start * shape.stride_h) * line);
        }
        let (row_step, col_step) = self.steps();
        let left = (shape.pad_left * col_step).min(row_step);
        let copied = line.min(row_step - left);
        for (slot, image) in band.images.clone().enumerate() {
            for row in 0..shape.rows_under(band.rows.len()) {
                // SAFETY: the row lies in the image's part of the scratch.
                let dst = unsafe {
                    std::slice::from_raw_parts_mut(scratch.add(slot * self.image_step() + row * row_step), row_step)
                };
                let source = (band.rows.start * shape.stride_h + row).checked_sub(shape.pad_top);
                match source.filter(|source| *source < shape.in_h) {
                    Some(source) => {
                        // SAFETY: the row lies in x, and no more than its length is copied.
                        let src =
                            unsafe { std::slice::from_raw_parts(x.add((image * shape.in_h + source) * line), copied) };
                        dst[..left].fill(0.0);
                        dst[left..left + copied].copy_from_slice(src);
                        dst[left + copied..].fill(0.0);
                    }
                    None => dst.fill(0.0),
                }
            }
        }
        scratch
    }
}
