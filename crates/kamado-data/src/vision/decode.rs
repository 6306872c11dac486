//! From the bytes of a picture file to pixels, in memory that is used again and again.

use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageBuffer, ImageEncoder};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::resize::{Grid, Region, ResizeScratch, resize};
use crate::error::{DataError, Result};
use crate::image_file::{self, Picture, decode_picture};

/// The pixels of a picture: `[height, width, channels]`, 8 bits each; 1 channel is grey, 3 are red, green and blue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raster {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) pixels: Vec<u8>,
}

impl Raster {
    /// Decodes a PNG, JPEG, BMP, GIF (the first picture), WebP or TIFF file, told by its content, in grey (1 channel)
    /// or colour (3). It is turned as its EXIF data say and lies on white where it is transparent; 16 bits are rounded
    /// to 8. Grey is `0.299 red + 0.587 green + 0.114 blue` (ITU-R BT.601, as in JPEG files and Pillow).
    ///
    /// `name` stands for the file in errors.
    ///
    /// # Errors
    /// If it is empty, damaged, cut short, of another kind, has more than 100 megapixels, or `channels` is not 1 or 3.
    pub fn decode(bytes: &[u8], name: &str, channels: usize) -> Result<Self> {
        let mut raster = Raster::default();
        raster.decode_from(bytes, name, channels)?;
        Ok(raster)
    }

    /// [`Raster::decode`] into the memory of an older picture.
    pub(super) fn decode_from(&mut self, bytes: &[u8], name: &str, channels: usize) -> Result<()> {
        if !matches!(channels, 1 | 3) {
            let problem = format!("{name} is wanted with {channels} channels");
            return Err(DataError::request(problem, "Choose 1 channel (grey) or 3 (red, green and blue)"));
        }
        if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            return self.decode_jpeg(bytes, name, channels);
        }
        self.set(&decode_picture(bytes, name)?, channels);
        Ok(())
    }

    fn set(&mut self, picture: &Picture, channels: usize) {
        (self.height, self.width) = (picture.height() as usize, picture.width() as usize);
        self.channels = 3;
        self.pixels.clear();
        self.pixels.extend_from_slice(picture.image().as_bytes());
        if channels == 1 {
            self.make_grey();
        }
    }

    fn make_grey(&mut self) {
        for i in 0..self.height * self.width {
            let [red, green, blue] = [0, 1, 2].map(|c| u32::from(self.pixels[3 * i + c]));
            self.pixels[i] = ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16) as u8;
        }
        self.pixels.truncate(self.height * self.width);
        self.channels = 1;
    }

    /// JPEG files are most of what is trained on, and the way by the crate `image` decodes headers three times, copies
    /// the file and the pixels, and makes colour of what is wanted in grey.
    fn decode_jpeg(&mut self, bytes: &[u8], name: &str, channels: usize) -> Result<()> {
        let damaged = |error: DecodeErrors| image_file::damaged(name, &error);
        let options = DecoderOptions::default().set_max_width(1 << 16).set_max_height(1 << 16);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(damaged)?;
        let (width, height) = decoder.dimensions().unwrap_or_default();
        image_file::check_size(name, width as u64, height as u64)?;
        if !is_whole(bytes) {
            let remedy = "The file was cut short: copy or download it again";
            return Err(DataError::malformed(name, "a whole JPEG picture", "one without its end", remedy));
        }
        let has_grey = matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma));
        let (space, decoded) = if channels == 1 && has_grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
        decoder.set_options(options.jpeg_set_out_colorspace(space));
        // Every byte is written, so that those of an older picture need not be cleared.
        self.pixels.resize(width * height * decoded, 0);
        decoder.decode_into(&mut self.pixels).map_err(damaged)?;
        (self.height, self.width, self.channels) = (height, width, decoded);
        let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
        self.turn(orientation.unwrap_or(Orientation::NoTransforms));
        if channels < self.channels {
            self.make_grey();
        }
        Ok(())
    }

    fn turn(&mut self, orientation: Orientation) {
        if orientation == Orientation::NoTransforms {
            return;
        }
        let (width, height, pixels) = (self.width as u32, self.height as u32, std::mem::take(&mut self.pixels));
        let image = match self.channels {
            1 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
            _ => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        };
        if let Some(mut image) = image {
            image.apply_orientation(orientation);
            (self.height, self.width) = (image.height() as usize, image.width() as usize);
            self.pixels = image.into_bytes();
        }
    }

    /// A picture of these pixels, `[height, width, channels]`.
    ///
    /// # Errors
    /// If there are not as many, there is none, or `channels` is not 1 or 3.
    pub fn new(pixels: Vec<u8>, height: usize, width: usize, channels: usize) -> Result<Self> {
        let wanted = height.checked_mul(width).and_then(|area| area.checked_mul(channels));
        if pixels.is_empty() || wanted != Some(pixels.len()) || !matches!(channels, 1 | 3) {
            let problem = format!("{} bytes cannot be {height}x{width} pixels of {channels} channels", pixels.len());
            return Err(DataError::request(problem, "Give 1 or 3 bytes per pixel, and at least one pixel"));
        }
        Ok(Raster { height, width, channels, pixels })
    }

    /// A part in another size `[height, width]`: numbers from 0 to 255, `[height, width, channels]`.
    ///
    /// Each is the weighted mean of the old ones around its place, as in Pillow and Torchvision (bilinear, antialiased).
    pub fn resized(&self, region: Region, [height, width]: [usize; 2]) -> Vec<f32> {
        let mut out = vec![0.0; height * width * self.channels];
        let rows = out.chunks_exact_mut((width * self.channels).max(1));
        resize(self.grid(), region, (height, width), &mut ResizeScratch::default(), rows);
        out
    }

    /// The bytes of a PNG file of the picture.
    ///
    /// # Errors
    /// If a side has more than 2^31 - 1 pixels.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let colour = if self.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let side = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let mut file = Vec::new();
        PngEncoder::new(&mut file)
            .write_image(&self.pixels, side(self.width), side(self.height), colour)
            .map_err(|error| DataError::request(format!("cannot save the picture: {error}"), "Make it smaller"))?;
        Ok(file)
    }

    /// Rows of pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns of pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// 1 for grey, 3 for red, green and blue.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All pixels, `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(super) fn grid(&self) -> Grid<'_, u8> {
        Grid { pixels: &self.pixels, height: self.height, width: self.width, channels: self.channels }
    }
}

/// Whether the last scan of a JPEG file ends with the marker for it. The decoder fills in what is missing, in silence.
fn is_whole(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xFF, marker]);
    last(0xD9) > last(0xDA)
}
