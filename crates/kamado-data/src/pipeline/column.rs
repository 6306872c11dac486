//! One column that is an input of its own: a text, a picture, a sound or a tensor.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::PipelineConfig;
use super::lazy::{Locations, Pictures, Sounds, Tensors, Texts};
use crate::audio::SoundInput;
use crate::augment::{Augment, Augmenter};
use crate::clean::BadRow;
use crate::dataset::{Examples, FeatureData, Features, Input};
use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};
use crate::media::Media;
use crate::text::TextInput;
use crate::vision::{PictureInput, Raster};

/// A column and how it is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnInput {
    /// The name of the model's input.
    pub(super) name: String,
    pub(super) column: String,
    pub(super) encoder: Encoder,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encoder {
    Text(TextInput),
    Picture { input: PictureInput, augment: Option<Augment> },
    Sound(SoundInput),
    Tensor { shape: Vec<usize> },
}

/// The files of a column, some of which may turn out to be unreadable.
fn located(column: &Column, media: &Arc<Media>) -> Result<Locations> {
    Ok(Locations::new(column.texts()?, media))
}

impl ColumnInput {
    /// Fits the encoding of `column` to the training rows; rows that cannot be read are put to `bad`.
    pub(super) fn fit(
        name: String,
        column: &Column,
        config: &PipelineConfig,
        train: &Frame,
        media: &Arc<Media>,
        bad: &mut Vec<(usize, BadRow)>,
    ) -> Result<Self> {
        let encoder = match column.kind() {
            Kind::Text => {
                let texts: Vec<&str> = column.texts()?.iter().map(Option::unwrap_or_default).collect();
                Encoder::Text(TextInput::fit(&config.text, &texts)?)
            }
            Kind::Image => fit_pictures(column, config, train, media, bad)?,
            Kind::Audio => {
                let files = located(column, media)?;
                let read = |row: usize| {
                    let mut bytes = Vec::new();
                    let place = files.read(row, &mut bytes)?.to_owned();
                    Ok((place, bytes))
                };
                Encoder::Sound(SoundInput::fit(&config.sound, column.len(), read)?)
            }
            Kind::Tensor(shape) => Encoder::Tensor { shape: shape.clone() },
            Kind::Number | Kind::Category | Kind::Date => {
                let problem = format!("column {:?} is a {} column", column.name(), column.kind().word());
                return Err(DataError::request(problem, "It belongs to the table"));
            }
        };
        Ok(ColumnInput { name, column: column.name().to_owned(), encoder })
    }

    /// What the column must be.
    pub(super) fn kind(&self) -> Kind {
        match &self.encoder {
            Encoder::Text(_) => Kind::Text,
            Encoder::Picture { .. } => Kind::Image,
            Encoder::Sound(_) => Kind::Audio,
            Encoder::Tensor { shape } => Kind::Tensor(shape.clone()),
        }
    }

    /// The shape of an example.
    pub(super) fn shape(&self) -> Vec<usize> {
        match &self.encoder {
            Encoder::Text(input) => vec![input.max_length()],
            Encoder::Picture { input, .. } => input.shape().to_vec(),
            Encoder::Sound(input) => input.shape(),
            Encoder::Tensor { shape } => shape.clone(),
        }
    }

    /// The input of a dataset.
    pub(super) fn input(&self, frame: &Frame, media: &Arc<Media>) -> Result<Input> {
        let column = frame.column(&self.column)?;
        let examples: Arc<dyn Examples> = match &self.encoder {
            Encoder::Text(input) => Arc::new(Texts { column: column.texts()?.clone(), input: input.clone() }),
            Encoder::Picture { input, augment } => {
                let augmenter = augment.as_ref().map(|augment| Augmenter::new(augment, &input.shape())).transpose()?;
                Arc::new(Pictures::new(located(column, media)?, input.clone(), augmenter))
            }
            Encoder::Sound(input) => Arc::new(Sounds::new(located(column, media)?, input.clone())),
            Encoder::Tensor { .. } => {
                if *column.kind() != self.kind() {
                    let (wanted, found) = (format!("{:?}", self.kind()), format!("{:?}", column.kind()));
                    let place = format!("column {:?}", self.column);
                    return Err(DataError::malformed(place, wanted, found, "Give tensors of the shape of training"));
                }
                Arc::new(Tensors(column.tensors()?.clone()))
            }
        };
        let features = Features { shape: self.shape(), data: FeatureData::Lazy(examples), max_value: 1.0 };
        Ok(Input { name: self.name.clone(), features })
    }
}

fn fit_pictures(
    column: &Column,
    config: &PipelineConfig,
    train: &Frame,
    media: &Arc<Media>,
    bad: &mut Vec<(usize, BadRow)>,
) -> Result<Encoder> {
    let files = located(column, media)?;
    let picture = &config.picture;
    let read = |row: usize| {
        let mut bytes = Vec::new();
        let name = files.read(row, &mut bytes)?.to_owned();
        Ok((bytes, name))
    };
    let size = match picture.size {
        Some(size) => size,
        None => {
            let decode = |row| read(row).and_then(|(bytes, name)| Raster::decode(&bytes, &name, picture.channels));
            let first = (0..column.len()).map(decode).find_map(Result::ok);
            first.map(|first| [first.height(), first.width()]).ok_or_else(|| {
                DataError::request(format!("no picture of column {:?} can be read", column.name()), "Check the files")
            })?
        }
    };
    let input = PictureInput {
        channels: picture.channels,
        resize: picture.resize,
        denoise: picture.denoise,
        normalise: picture.normalise,
        ..PictureInput::new(size[0], size[1])
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let fitted = input.fit(column.len(), threads, read)?;
    bad.extend(fitted.unreadable.into_iter().map(|(row, error)| {
        let text = column.texts().map(|texts| texts.value(row).to_owned()).unwrap_or_default();
        (row, BadRow { place: train.place(row), reason: error.to_string(), text })
    }));
    Ok(Encoder::Picture { input: fitted.input, augment: config.augment.clone() })
}
