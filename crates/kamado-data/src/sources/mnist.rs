//! MNIST: 28x28 handwritten digits, 60,000 to learn from and 10,000 to test with, in four IDX files.
//!
//! Anything in the same four files with labels 0 to 9 is read (Fashion-MNIST, a part of MNIST).
//!
//! Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

use std::path::{Path, PathBuf};

use super::{TrainTest, idx_files};
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::idx::read_idx;
use crate::preprocess::{ImageInput, Invert, Preprocessing};

const CLASSES: usize = 10;

/// Reads the four files in `directory`: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with `t10k`,
/// also with `.idx3-ubyte` for `-idx3-ubyte`, each plain or with `.gz`.
///
/// Errors if a file is missing, cannot be read, or does not fit the others; the labels must be 0 to 9.
pub fn load(directory: impl AsRef<Path>) -> Result<TrainTest> {
    let directory = directory.as_ref();
    let train = load_part(directory, "train")?;
    let test = load_part(directory, "t10k")?;
    if train.shape() != test.shape() {
        let expected = format!("images of shape {:?}, as in {}", train.shape(), train.name());
        let found = format!("{:?}", test.shape());
        return Err(DataError::malformed(test.name(), expected, found, "Take all four files from the same place"));
    }
    Ok(TrainTest { train, test: Some(test) })
}

/// How MNIST goes into a network: pixels divided by 255; pictures of digits are inverted if they are dark on light,
/// and, unless they are 28x28 already, placed as the makers of MNIST placed theirs.
pub fn preprocessing() -> Preprocessing {
    let image =
        ImageInput { height: 28, width: 28, channels: 1, max_value: 255.0, invert: Invert::Auto, digit_box: Some(20) };
    Preprocessing::scale_to_unit(255.0).with_image(image)
}

fn load_part(directory: &Path, part: &str) -> Result<Dataset> {
    let images_path = find(directory, part, "images", 3)?;
    let labels_path = find(directory, part, "labels", 1)?;
    let (images_name, labels_name) = (images_path.display().to_string(), labels_path.display().to_string());
    let images = read_idx(&images_path)?;
    if images.shape.len() != 3 {
        let found = format!("shape {:?}", images.shape);
        let remedy = "Are images and labels exchanged?";
        return Err(DataError::malformed(images_name, "images of shape [n, height, width]", found, remedy));
    }
    idx_files::pair(images, &images_name, read_idx(&labels_path)?, &labels_name, CLASSES)
}

fn find(directory: &Path, part: &str, what: &str, rank: u8) -> Result<PathBuf> {
    let names = ["-", "."].map(|dash| format!("{part}-{what}{dash}idx{rank}-ubyte"));
    let candidates = names.iter().flat_map(|name| [name.clone(), format!("{name}.gz")]);
    candidates.map(|name| directory.join(name)).find(|path| path.exists()).ok_or_else(|| {
        let found = if directory.is_dir() { "no such file" } else { "no such directory" };
        let expected = format!("the file {} (plain or .gz)", names[0]);
        let remedy = "Get MNIST with `kamado fetch mnist`, or give the directory that holds its four files";
        DataError::malformed(directory.display().to_string(), expected, found, remedy)
    })
}
