//! Contact sheets: many pictures in one, each with a caption.

use super::Raster;
use super::font::{self, ADVANCE, LINE};
use crate::error::{DataError, Result};

/// A picture of a contact sheet.
#[derive(Clone, Debug)]
pub struct Tile {
    /// What is shown.
    pub picture: Raster,
    /// What stands below it; what is too long is cut off, and what is not ASCII is shown as `?`.
    pub caption: String,
}

/// Small pictures are enlarged (each pixel a square) until they are this large.
const LEGIBLE: usize = 96;
const GAP: usize = 6;
const PAPER: u8 = 255;
const INK: u8 = 32;
const MOST_PIXELS: usize = 100_000_000;

/// Puts pictures side by side, `columns` in a row, in the order in which they are given.
///
/// # Errors
/// If there is none, `columns` is 0, or the sheet would have more than 100 megapixels.
pub fn contact_sheet(tiles: &[Tile], columns: usize) -> Result<Raster> {
    let largest = |side: fn(&Raster) -> usize| tiles.iter().map(|tile| side(&tile.picture)).max().unwrap_or(0);
    let (height, width) = (largest(Raster::height), largest(Raster::width));
    if tiles.is_empty() || columns == 0 {
        let problem = format!("a contact sheet of {} pictures, {columns} in a row", tiles.len());
        return Err(DataError::request(problem, "Give at least one of both"));
    }
    let zoom = LEGIBLE.div_ceil(height.max(width).max(1));
    let columns = columns.min(tiles.len());
    let cell = [height * zoom + LINE + GAP, width * zoom + GAP];
    let size = [cell[0] * tiles.len().div_ceil(columns) + GAP, cell[1] * columns + GAP];
    if size[0].checked_mul(size[1]).is_none_or(|area| area > MOST_PIXELS) {
        let problem = format!("a contact sheet of {}x{} pixels is too large", size[0], size[1]);
        return Err(DataError::request(problem, "Show fewer pictures, or smaller ones"));
    }
    let mut sheet = Raster::new(vec![PAPER; size[0] * size[1] * 3], size[0], size[1], 3)?;
    for (i, tile) in tiles.iter().enumerate() {
        let (top, left) = (GAP + i / columns * cell[0], GAP + i % columns * cell[1]);
        draw(&mut sheet, &tile.picture, zoom, top, left);
        write(&mut sheet, &tile.caption, top + height * zoom + 2, left, width * zoom);
    }
    Ok(sheet)
}

fn draw(sheet: &mut Raster, picture: &Raster, zoom: usize, top: usize, left: usize) {
    let (stride, line) = (sheet.width * 3, picture.width * picture.channels);
    for y in 0..picture.height * zoom {
        let source = &picture.pixels[y / zoom * line..][..line];
        let start = (top + y) * stride + left * 3;
        let target = sheet.pixels[start..start + picture.width * zoom * 3].chunks_exact_mut(3 * zoom);
        for (out, pixel) in target.zip(source.chunks_exact(picture.channels)) {
            let colour = if let &[red, green, blue] = pixel { [red, green, blue] } else { [pixel[0]; 3] };
            out.chunks_exact_mut(3).for_each(|out| out.copy_from_slice(&colour));
        }
    }
}

fn write(sheet: &mut Raster, text: &str, top: usize, left: usize, width: usize) {
    for (i, letter) in text.chars().take(width / ADVANCE).enumerate() {
        for (x, y) in font::dots(letter) {
            let start = ((top + y) * sheet.width + left + i * ADVANCE + x) * 3;
            sheet.pixels[start..start + 3].fill(INK);
        }
    }
}
