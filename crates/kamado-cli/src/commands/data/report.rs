//! `kamado data report PATH…`

use std::path::Path;

use kamado_data::frame::{Frame, Kind};
use kamado_data::media::Media;
use kamado_data::report::{Page, Summary, html};
use kamado_data::vision::{Raster, Region};
use kamado_nn::model_file::write_atomically;

use crate::args::data::ReadArgs;
use crate::failure::Failure;
use crate::say;

/// How many pictures are shown, and the longest side of one.
const SAMPLES: (usize, usize) = (24, 96);

pub(super) fn run(args: &ReadArgs, label: Option<&str>, out: &Path) -> Result<(), Failure> {
    let read = super::table(args)?;
    let label = label.or_else(|| read.frame.columns().iter().map(|c| c.name()).find(|name| *name == "label"));
    let summary = Summary::of(&read.frame, label)?;
    let samples = samples(&read.frame, label);
    let title = args.paths.join(", ");
    let page = Page { title: &title, notes: &read.notes, quarantine: &read.quarantine, samples: &samples };
    write_atomically(out, html(&summary, &page).as_bytes())?;
    summary.warnings.iter().for_each(|warning| say::line(&format!("- {warning}")));
    super::tell_quarantine(&read);
    say::line(&format!("Written to {}", out.display()));
    Ok(())
}

/// Pictures from the whole table with what they are; those that cannot be read say so.
fn samples(frame: &Frame, label: Option<&str>) -> Vec<(String, Vec<u8>)> {
    let Some(column) = frame.columns().iter().find(|column| *column.kind() == Kind::Image) else { return Vec::new() };
    let (Ok(locations), media) = (column.texts(), Media::new()) else { return Vec::new() };
    let labels = label.and_then(|label| frame.column(label).ok()?.texts().ok());
    let count = SAMPLES.0.min(frame.rows());
    let rows = (0..count).map(|i| i * frame.rows() / count.max(1));
    let sample = |row: usize| {
        let location = locations.iter().nth(row)??;
        let name = labels.and_then(|labels| labels.iter().nth(row)?).map_or(location, |label| label);
        match thumbnail(&media, location) {
            Ok(png) => Some((name.to_owned(), png)),
            Err(error) => {
                say::error_line(&format!("{location}: {error}"));
                None
            }
        }
    };
    rows.filter_map(sample).collect()
}

fn thumbnail(media: &Media, location: &str) -> Result<Vec<u8>, kamado_data::DataError> {
    let raster = Raster::decode(&media.read(location)?, location, 3)?;
    let (height, width) = (raster.height(), raster.width());
    let scale = (SAMPLES.1 as f64 / height.max(width) as f64).min(1.0);
    let side = |length: usize| ((length as f64 * scale).round() as usize).max(1);
    let size = [side(height), side(width)];
    let pixels = raster.resized(Region::whole(height, width), size);
    let pixels = pixels.iter().map(|x| x.round().clamp(0.0, 255.0) as u8).collect();
    Raster::new(pixels, size[0], size[1], 3)?.to_png()
}
