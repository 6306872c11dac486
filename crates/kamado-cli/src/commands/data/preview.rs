//! `kamado data preview PATH…`

use std::path::Path;

use kamado_data::frame::Kind;
use kamado_data::media::Media;
use kamado_data::vision::preview;
use kamado_nn::model_file::write_atomically;

use super::super::find;
use crate::args::data::ReadArgs;
use crate::failure::Failure;
use crate::say;

/// How often each picture is shown, distorted in another way each time.
const VERSIONS: usize = 7;

pub(super) fn run(args: &ReadArgs, augment: Option<&Path>, count: usize, seed: u64, out: &Path) -> Result<(), Failure> {
    let augment = augment.map(|path| find::recipe(&path.to_string_lossy())).transpose()?;
    let augment = augment.map(|(name, recipe)| {
        recipe.data.augment.ok_or_else(|| {
            Failure::usage(format!("the recipe {name} has no [data.augment]"), "add it, or leave out --augment")
        })
    });
    let augment = augment.transpose()?;
    let read = super::table(args)?;
    let column = read.frame.columns().iter().find(|column| *column.kind() == Kind::Image).ok_or_else(|| {
        Failure::usage("there are no pictures in these data", "give a folder, an archive or a list of pictures")
    })?;
    let (locations, media) = (column.texts()?, Media::new());
    let labels = read.frame.column("label").ok().and_then(|labels| labels.texts().ok());
    let rows = read.frame.rows();
    let count = count.min(rows);
    let mut pictures = Vec::with_capacity(count);
    for row in (0..count).map(|i| i * rows / count) {
        let location = locations.iter().nth(row).flatten().unwrap_or_default();
        let caption = labels.and_then(|labels| labels.iter().nth(row)?).unwrap_or(location);
        pictures.push((caption.to_owned(), media.read(location)?));
    }
    let sheet = preview(&pictures, augment.as_ref(), VERSIONS, seed)?;
    write_atomically(out, &sheet.to_png()?)?;
    say::line(&format!("{count} pictures written to {}", out.display()));
    Ok(())
}
