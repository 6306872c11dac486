//! Where examples come from.

pub mod digits;
pub mod idx_files;
pub mod image_folder;
pub mod mnist;
pub mod text_file;

use crate::dataset::Dataset;

/// The data of a source that has its own test set, or at least room for one.
#[derive(Clone, Debug)]
pub struct TrainTest {
    /// The examples to learn from (and to split a validation set from).
    pub train: Dataset,
    /// The examples to measure the finished model with, if the source has some.
    pub test: Option<Dataset>,
}
