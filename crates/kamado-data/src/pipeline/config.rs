//! What a user says about the inputs of a model, before rows are seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audio::SoundConfig;
use crate::augment::Augment;
use crate::table::{Smote, TableConfig};
use crate::text::TextConfig;
use crate::vision::{Denoise, Normalise, Resize};

/// How the columns of a table become the inputs of a model, before training rows are seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineConfig {
    /// The column that is to be predicted.
    pub label: String,
    /// What its values mean; otherwise numbers if it is a column of numbers, else classes.
    pub label_type: Option<LabelType>,
    /// Other spellings of classes, each with the class it stands for.
    pub label_aliases: BTreeMap<String, String>,
    /// Numbers, categories and dates.
    pub table: TableConfig,
    /// Whether rows are made for rare classes, of the training rows only.
    pub smote: Option<Smote>,
    /// Columns of texts.
    pub text: TextConfig,
    /// Columns of pictures.
    pub picture: PictureConfig,
    /// How training pictures are distorted.
    pub augment: Option<Augment>,
    /// Columns of sounds.
    pub sound: SoundConfig,
}

/// What the values of a label mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelType {
    /// Names of classes, even if they look like numbers.
    Class,
    /// Quantities, which the model says as they are.
    Number,
    /// Quantities, which the model says with mean 0 and standard deviation 1; predictions are translated back.
    StandardNumber,
}

/// How pictures become numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PictureConfig {
    /// Rows and columns; None for those of the first training picture.
    pub size: Option<[usize; 2]>,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// How pictures get this size.
    pub resize: Resize,
    /// Whether noise is taken out first.
    pub denoise: Denoise,
    /// What the numbers are.
    pub normalise: Normalise,
}

impl Default for PictureConfig {
    /// In colour, stretched to the size of the first, standardised per channel.
    fn default() -> Self {
        PictureConfig {
            size: None,
            channels: 3,
            resize: Resize::default(),
            denoise: Denoise::default(),
            normalise: Normalise::default(),
        }
    }
}
