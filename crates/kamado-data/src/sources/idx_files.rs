//! Images and labels in IDX files named one by one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::TrainTest;
use crate::dataset::{Dataset, FeatureData, Features, Labels};
use crate::error::{DataError, Result};
use crate::idx::{Idx, read_idx};

/// The files of an IDX dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdxFiles {
    /// Images (or rows) to learn from: `[n, height, width]`, `[n, height, width, channels]` or `[n, columns]`.
    pub train_images: PathBuf,
    /// Their labels, `[n]`.
    pub train_labels: PathBuf,
    /// Images to test with.
    pub test_images: Option<PathBuf>,
    /// Their labels.
    pub test_labels: Option<PathBuf>,
}

/// Reads the files; the classes are `0` to the greatest training label.
///
/// Errors as [`read_idx`] does, or if images and labels do not fit each other, only one file of the test set is given,
/// or the test set differs from the training set in shape or has a class of its own.
pub fn load(files: &IdxFiles) -> Result<TrainTest> {
    let train = load_pair(&files.train_images, &files.train_labels, None)?;
    let test = match (&files.test_images, &files.test_labels) {
        (Some(images), Some(labels)) => Some(load_pair(images, labels, Some(&train))?),
        (None, None) => None,
        _ => {
            let remedy = "Give test_images and test_labels, or neither";
            return Err(DataError::request("only one of the two files of the test set is given", remedy));
        }
    };
    Ok(TrainTest { train, test })
}

/// Reads one pair of files; shape and number of classes follow `like`, if there is a dataset to follow.
fn load_pair(images_path: &Path, labels_path: &Path, like: Option<&Dataset>) -> Result<Dataset> {
    let (images, labels) = (read_idx(images_path)?, read_idx(labels_path)?);
    let (images_name, labels_name) = (images_path.display().to_string(), labels_path.display().to_string());
    let classes = match like.and_then(Dataset::class_names) {
        Some(names) => names.len(),
        None => labels.data.iter().max().map_or(0, |&label| usize::from(label) + 1),
    };
    let dataset = pair(images, &images_name, labels, &labels_name, classes)?;
    if let Some(like) = like.filter(|like| like.shape() != dataset.shape()) {
        let expected = format!("examples of shape {:?}, as in {}", like.shape(), like.name());
        let found = format!("{:?}", dataset.shape());
        return Err(DataError::malformed(images_name, expected, found, "Both sets must have the same shape"));
    }
    Ok(dataset)
}

/// Joins images and labels of classes `0..classes`, checking that they belong together.
pub(crate) fn pair(images: Idx, images_name: &str, labels: Idx, labels_name: &str, classes: usize) -> Result<Dataset> {
    let swapped = "Are images and labels exchanged, or from different sets?";
    let &[count] = &labels.shape[..] else {
        let found = format!("shape {:?}", labels.shape);
        return Err(DataError::malformed(labels_name, "labels of shape [n]", found, swapped));
    };
    let shape = match &images.shape[..] {
        &[_, height, width] => vec![height, width, 1],
        [_, shape @ ..] if matches!(shape.len(), 1 | 3) => shape.to_vec(),
        other => {
            let found = format!("shape {other:?}");
            return Err(DataError::malformed(images_name, "images of shape [n, height, width]", found, swapped));
        }
    };
    if images.shape[0] != count {
        let expected = format!("as many labels as {images_name} has images ({})", images.shape[0]);
        return Err(DataError::malformed(labels_name, expected, count.to_string(), swapped));
    }
    if count == 0 || shape.contains(&0) {
        let found = format!("shape {:?}", images.shape);
        return Err(DataError::malformed(images_name, "at least one image with pixels", found, "Give it some data"));
    }
    if let Some(row) = labels.data.iter().position(|&label| usize::from(label) >= classes) {
        let expected = format!("labels from 0 to {}", classes.saturating_sub(1));
        let found = format!("{} at position {row}", labels.data[row]);
        return Err(DataError::malformed(labels_name, expected, found, "Check that these are the right labels"));
    }
    let indices = labels.data.iter().map(|&label| i32::from(label)).collect();
    let names = (0..classes).map(|class| class.to_string()).collect();
    let features = Features { shape, data: FeatureData::U8(images.data), max_value: 255.0 };
    Dataset::new(images_name, features, Labels::Classes { indices, names })
}
