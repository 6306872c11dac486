//! Picture files: PNG, JPEG, BMP, GIF, WebP and TIFF.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};

use crate::error::{DataError, Result};

/// The most pixels a picture may have.
const MAX_PIXELS: u64 = 100_000_000;
/// The most memory a decoder may take, in bytes.
const MAX_MEMORY: u64 = 1 << 30;
/// The longest file that is opened, in bytes: 100 megapixels of noise fit.
const MAX_FILE: u64 = 1 << 29;

const KINDS: &str = "a PNG, JPEG, BMP, GIF, WebP or TIFF picture";

/// A picture in memory: red, green and blue, 8 bits each.
#[derive(Clone, Debug)]
pub struct Picture(DynamicImage);

impl Picture {
    /// Columns of pixels.
    pub fn width(&self) -> u32 {
        self.0.width()
    }

    /// Rows of pixels.
    pub fn height(&self) -> u32 {
        self.0.height()
    }

    pub(crate) fn image(&self) -> &DynamicImage {
        &self.0
    }

    /// The picture in this size, so that training and prediction see the same.
    pub(crate) fn resized(&self, height: u32, width: u32) -> Cow<'_, DynamicImage> {
        match (self.height(), self.width()) == (height, width) {
            true => Cow::Borrowed(&self.0),
            false => Cow::Owned(resize(&self.0, height, width)),
        }
    }
}

/// Reads a PNG, JPEG, BMP, GIF (the first picture of it), WebP or TIFF file, told by its content. It is turned as its
/// EXIF data say, and lies on white where it is transparent.
///
/// Errors if it cannot be read, is empty, damaged, of another kind, or has more than 100 megapixels.
pub fn read_picture(path: impl AsRef<Path>) -> Result<Picture> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|e| DataError::io(path, "open it", e))?;
    let metadata = file.metadata().map_err(|e| DataError::io(path, "look at it", e))?;
    let name = path.display().to_string();
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a directory" } else { "a device or pipe" };
        return Err(DataError::malformed(name, "a picture file", found, "Give the path of a picture"));
    }
    if metadata.len() > MAX_FILE {
        let found = format!("{} bytes", metadata.len());
        return Err(DataError::malformed(name, format!("at most {MAX_FILE} bytes"), found, "Make it smaller"));
    }
    decode(BufReader::new(file), metadata.len(), &name)
}

/// Decodes the bytes of a picture file; `name` stands for the file in errors, which are those of [`read_picture`].
pub fn decode_picture(bytes: &[u8], name: &str) -> Result<Picture> {
    decode(Cursor::new(bytes), bytes.len() as u64, name)
}

fn decode(source: impl BufRead + Seek, length: u64, name: &str) -> Result<Picture> {
    if length == 0 {
        return Err(DataError::malformed(name, KINDS, "an empty file", "Save it again"));
    }
    let reader = ImageReader::new(source).with_guessed_format().map_err(|e| damaged(name, &e))?;
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    if !matches!(reader.format(), Some(Bmp | Gif | Jpeg | Png | Tiff | WebP)) {
        let remedy = "Convert the picture to PNG or JPEG";
        return Err(DataError::malformed(name, KINDS, "another kind of file", remedy));
    }
    let mut decoder = reader.into_decoder().map_err(|e| damaged(name, &e))?;
    let (width, height) = decoder.dimensions();
    check_size(name, width.into(), height.into())?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    decoder.set_limits(limits).map_err(|e| damaged(name, &e))?;
    let orientation = decoder.orientation().map_err(|e| damaged(name, &e))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| damaged(name, &e))?;
    image.apply_orientation(orientation);
    let image = if image.color().has_alpha() { on_white(image.to_rgba8()) } else { image };
    Ok(Picture(image.into_rgb8().into()))
}

/// Errors if a picture is too large to be decoded, which a file of a few bytes can claim, or has no pixel.
pub(crate) fn check_size(name: &str, width: u64, height: u64) -> Result<()> {
    if (1..=MAX_PIXELS).contains(&(width * height)) {
        return Ok(());
    }
    let expected = format!("1 pixel to {} megapixels", MAX_PIXELS / 1_000_000);
    Err(DataError::malformed(name, expected, format!("{width}x{height} pixels"), "Make it smaller"))
}

/// The mean of the pixels that each new one covers, with weights that fall linearly (bilinear where it grows).
pub(crate) fn resize(image: &DynamicImage, height: u32, width: u32) -> DynamicImage {
    image.resize_exact(width, height, FilterType::Triangle)
}

pub(crate) fn damaged(name: &str, error: &dyn std::error::Error) -> DataError {
    let remedy = "The picture is damaged or of an unusual kind: open it in an image editor and save it as PNG";
    DataError::malformed(name, "a readable picture", error.to_string(), remedy)
}

fn on_white(mut image: RgbaImage) -> DynamicImage {
    for pixel in image.pixels_mut() {
        let alpha = u32::from(pixel.0[3]);
        for channel in &mut pixel.0[..3] {
            *channel = ((u32::from(*channel) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    image.into()
}
