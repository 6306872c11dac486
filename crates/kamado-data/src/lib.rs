//! From raw files to shuffled, normalised, augmented batches.
//!
//! [`sources`] read a [`Dataset`]; [`split`] divides it; a [`Loader`] turns it into batches, normalised by a
//! [`Preprocessing`] that the model keeps, so that [`Preprocessing::prepare_picture`] can treat a picture of the
//! outside world the same way at prediction. Everything random is a function of the seed and of its place (epoch,
//! example), never of what ran before.
#![forbid(unsafe_code)]

pub mod audio;
pub mod augment;
pub mod clean;
pub mod dataset;
pub mod error;
pub mod fetch;
pub mod frame;
pub mod idx;
pub mod image_file;
pub mod loader;
pub mod media;
pub mod order;
pub mod pipeline;
pub mod preprocess;
pub mod readers;
pub mod report;
pub mod sources;
pub mod split;
pub mod table;
pub mod text;
pub mod vision;
pub mod write_csv;

mod hex;
mod ready;
mod stats;
mod streams;
mod threads;

pub use augment::{Augment, Augmenter};
pub use dataset::{Buffer, Dataset, Examples, FeatureData, Features, FeaturesMut, Input, Labels};
pub use error::{DataError, Result};
pub use frame::{Column, Frame, Kind};
pub use image_file::{Picture, read_picture};
pub use loader::{Batches, LabelsMut, Loader, LoaderConfig};
pub use preprocess::{ImageInput, Invert, PictureReport, Preprocessing, Step};
pub use sources::TrainTest;
pub use split::{Part, random_split, stratified_split};
pub use text::Tokenizer;
pub use vision::{PictureInput, PictureScratch, Raster};
pub use write_csv::write_csv;
