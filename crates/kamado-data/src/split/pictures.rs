//! Pictures that are nearly the same.

use crate::error::Result;
use crate::frame::{Frame, Kind};
use crate::media::Media;
use crate::threads;
use crate::vision::{Raster, near_duplicates};

/// How many of 64 bits may differ in the hashes of pictures that are saved again, resized or a little brighter.
const DISTANCE: u32 = 4;

/// Pairs of rows whose pictures have nearly the same [perceptual hash](Raster::perceptual_hash), for
/// [`LeakCheck::near`](super::LeakCheck::near): the first row of each group with each other one. Pictures that cannot be read are
/// like no other.
///
/// # Errors
/// None that a picture could cause.
pub fn near_pictures(frame: &Frame, media: &Media) -> Result<Vec<(usize, usize)>> {
    let mut pairs = Vec::new();
    for column in frame.columns().iter().filter(|column| *column.kind() == Kind::Image) {
        let places = column.texts()?.iter().enumerate().filter_map(|(row, place)| Some((row, place?))).collect();
        let hash = |(row, place)| {
            let picture = media.read(place).and_then(|bytes| Raster::decode(&bytes, place, 1)).ok()?;
            Some((row, picture.perceptual_hash()))
        };
        let (rows, hashes): (Vec<usize>, Vec<u64>) = threads::map(places, hash).into_iter().flatten().unzip();
        for group in near_duplicates(&hashes, DISTANCE)? {
            pairs.extend(group[1..].iter().map(|&other| (rows[group[0]], rows[other])));
        }
    }
    Ok(pairs)
}
