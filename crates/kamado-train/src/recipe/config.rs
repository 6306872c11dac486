//! What a recipe says, typed.

use std::path::PathBuf;

use kamado_data::Augment;
use kamado_graph::shape::DType;
use kamado_nn::layers::LayerConfig;
use kamado_nn::losses::Loss;
use kamado_nn::model::{InputSpec, ModelSpec, Sequential, TrainingSpec};
use kamado_nn::optimizers::Optimizer;
use serde::{Deserialize, Serialize};

use super::error::RecipeError;
use super::privacy_config::PrivacyConfig;
use super::raw_config::RawConfig;
use super::schema::Document;
use super::suggest::closest;
use super::tables;
use crate::checkpoint::CheckpointConfig;
use crate::control::{EarlyStopping, ReduceOnPlateau, StopWhen};
use crate::logs::LogFormat;
use crate::resources::{Bytes, Precision};
use crate::weights::ClassWeight;

/// No recipe is longer, in bytes.
const LONGEST: usize = 1 << 20;

/// A training run: what to learn from, what to train, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// `[data]`
    pub data: DataConfig,
    /// `[model]`
    pub model: ModelConfig,
    /// `[train]`
    pub train: TrainConfig,
    /// `[privacy]`, for private training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<PrivacyConfig>,
}

/// `[data]`: where the examples come from and how they are divided and scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataConfig {
    /// Which reader.
    pub source: Source,
    /// The directory with the files of `mnist` (the cache of this user if absent) or `idx` (the current one if absent), or
    /// the folders of `image_folder`; the file of `text`.
    pub path: Option<PathBuf>,
    /// `idx`: images or rows to learn from.
    pub train_images: Option<PathBuf>,
    /// `idx`: their labels.
    pub train_labels: Option<PathBuf>,
    /// `idx`: images to test with, if there are some.
    pub test_images: Option<PathBuf>,
    /// `idx`: their labels.
    pub test_labels: Option<PathBuf>,
    /// `image_folder`: the rows and columns that all pictures are brought to; those of the pictures if absent.
    pub image_size: Option<[usize; 2]>,
    /// `text`: the tokens of an example; 128 unless said otherwise.
    pub sequence_length: Option<usize>,
    /// `text`: the distance between the starts of two examples to learn from; `sequence_length` unless said otherwise.
    pub stride: Option<usize>,
    /// What is watched at the end of each epoch.
    #[serde(default)]
    pub validation: Validation,
    /// The share of the training examples that is held out for validation; 0.1 unless said otherwise. Of `text`, this is
    /// the part before the one for the test.
    pub validation_split: Option<f64>,
    /// The share that is held out for the test if the source has no test set of its own; 0.2 unless said otherwise. Of
    /// `text`, this is the end; 0.1 unless said otherwise.
    pub test_split: Option<f64>,
    /// Whether splits keep the proportions of the classes.
    #[serde(default = "yes")]
    pub stratify: bool,
    /// What is done to the numbers.
    #[serde(default)]
    pub scaling: Scaling,
    /// Random distortion of the training images.
    pub augment: Option<Augment>,
    /// What is said about raw files: `table`, `images`, `sounds`.
    #[serde(flatten)]
    pub raw: RawConfig,
}

/// A reader of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The embedded digits.
    Digits,
    /// The four files of MNIST.
    Mnist,
    /// Files in the format of MNIST.
    Idx,
    /// Pictures in folders named after their classes.
    ImageFolder,
    /// A text file, to learn to continue texts like it, character by character.
    Text,
    /// Raw tables: CSV and other formats; columns may hold texts and the names of pictures and sounds.
    Table,
    /// Raw pictures in folders, archives or lists, decoded when they are needed.
    Images,
    /// Raw sounds, in the same places.
    Sounds,
}

impl Source {
    /// Whether the data are raw files that a pipeline encodes.
    pub fn is_raw(self) -> bool {
        matches!(self, Source::Table | Source::Images | Source::Sounds)
    }
}

/// What is watched at the end of each epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// A part of the training examples that is not trained on.
    #[default]
    Split,
    /// The test set, as many listings do; choosing by it makes the test result too good.
    Test,
    /// Nothing.
    None,
}

/// What is done to the numbers before they go into the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Divided by the greatest possible value: 0 to 1.
    #[default]
    Unit,
    /// To mean 0 and standard deviation 1 per channel, measured on the training part.
    Standardize,
    /// Nothing.
    None,
}

/// `[model]`: the layers in order. The shape of the input, `input_layer`, is that of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The layers.
    pub layers: Vec<LayerEntry>,
}

/// A layer of a recipe: `{ type = "dense", units = 10, name = "classes", trainable = false }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerEntry {
    /// Type and settings.
    #[serde(flatten)]
    pub layer: LayerConfig,
    /// The name; the type, with a number from the second on, unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The earlier layers that it reads, by name, or `input_layer`; the layer before unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<String>>,
    /// Whether training changes its weights; true unless said otherwise.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub trainable: bool,
}

fn is_yes(yes: &bool) -> bool {
    *yes
}

/// `[train]`: how the model is fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// What is made small.
    pub loss: Loss,
    /// How much the examples of each class count: `"balanced"`, or weights by the names of classes, 1 for others.
    pub class_weight: Option<ClassWeight>,
    /// What is reported beside it, by name.
    #[serde(default)]
    pub metrics: Vec<String>,
    /// How often the training data are gone through.
    #[serde(default = "one")]
    pub epochs: usize,
    /// The examples in a step.
    #[serde(default = "thirty_two")]
    pub batch_size: usize,
    /// What every random choice follows from.
    #[serde(default)]
    pub seed: u64,
    /// How many threads compute; 0 is one per core.
    #[serde(default)]
    pub threads: usize,
    /// If present, the model that is measured and saved has the exponential moving average of the weights, with this
    /// momentum per step.
    pub ema_momentum: Option<f64>,
    /// The numbers to compute with.
    #[serde(default)]
    pub precision: Precision,
    /// The most memory that weights, the optimiser's state and the results of a step may take together.
    pub memory_limit: Option<Bytes>,
    /// How weights follow their gradients.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Training ends after the first epoch that meets this goal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_when: Option<StopWhen>,
    /// Training ends after so many minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_minutes: Option<f64>,
    /// The files beside `history.json` that every epoch is written to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogFormat>,
    /// `[train.early_stopping]`: training ends when it does not get better any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// `[train.reduce_on_plateau]`: the learning rate falls when training does not get better any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reduce_on_plateau: Option<ReduceOnPlateau>,
    /// `[train.checkpoint]`: when checkpoints are written, and which are kept.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn thirty_two() -> usize {
    32
}

impl Recipe {
    /// Reads a recipe; `file` stands for its origin in errors.
    ///
    /// # Errors
    /// Where it is not TOML, has an unknown key, lacks a key, or has a value of the wrong type or out of range.
    pub fn parse(file: &str, text: &str) -> Result<Self, RecipeError> {
        let document = Document::new(file, text);
        if text.len() > LONGEST {
            return Err(document.error(0..0, format!("a recipe of {} bytes", text.len()), "give at most 1 MiB"));
        }
        let values = document.read(tables::RECIPE)?;
        let mut recipe: Self =
            serde_json::from_value(values).map_err(|error| document.error(0..0, error.to_string(), ""))?;
        recipe.data.complete().map_err(|conflict| {
            let place = document.place_of(&format!("data.{}", conflict.key));
            document.error(place, conflict.problem, conflict.help)
        })?;
        if let Some((problem, help)) = recipe.privacy.as_ref().and_then(|p| p.problem(&recipe.data, &recipe.train)) {
            return Err(document.error(document.place_of("privacy"), format!("[privacy] {problem}"), help));
        }
        recipe.check_inputs(&document)?;
        recipe.check_blending(&document)?;
        recipe.check_watched(&document)?;
        Ok(recipe)
    }

    /// Refuses to blend labels for a loss that takes the index of a class.
    fn check_blending(&self, document: &Document<'_>) -> Result<(), RecipeError> {
        let blending = self.data.augment.as_ref().and_then(Augment::blending);
        let loss = self.train.loss.name();
        if blending.is_none() || !(loss.starts_with("sparse_") || loss.starts_with("binary_")) {
            return Ok(());
        }
        let problem = format!("mixup and cutmix blend labels, but {loss} takes the index of a class");
        let help = "set train.loss = \"categorical_crossentropy\", or leave out mixup and cutmix";
        Err(document.error(document.place_of("data.augment"), problem, help))
    }

    /// Refuses layers that read what no layer before them is called.
    fn check_inputs(&self, document: &Document<'_>) -> Result<(), RecipeError> {
        // What the inputs of raw files are called follows from the files: the model itself refuses other names.
        if self.data.source.is_raw() {
            return Ok(());
        }
        let layers = self.model_spec(&[1]).layers;
        let mut known = vec![ModelSpec::INPUT];
        for (i, layer) in layers.iter().enumerate() {
            if let Some(unknown) = layer.inputs.iter().find(|name| !known.contains(&name.as_str())) {
                let place = document.place_of(&format!("model.layers[{i}].inputs"));
                let problem = format!("model.layers[{i}] reads {unknown:?}, but no layer before it has this name");
                let help = match closest(unknown, &known) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("give a layer `name = {unknown:?}`, or read {:?}", ModelSpec::INPUT),
                };
                return Err(document.error(place, problem, help));
            }
            known.push(&layer.name);
        }
        Ok(())
    }

    /// The model for examples of this shape, without weights.
    pub fn model_spec(&self, example: &[usize]) -> ModelSpec {
        let dtype = if self.data.source == Source::Text { DType::I32 } else { DType::F32 };
        self.model_spec_for(&[InputSpec { name: ModelSpec::INPUT.to_owned(), shape: example.to_vec(), dtype }])
    }

    /// The model with these inputs, without weights. A first layer that does not say what it reads reads the first of them.
    pub fn model_spec_for(&self, inputs: &[InputSpec]) -> ModelSpec {
        let start = Sequential::new([1]);
        let add = |model: Sequential, LayerEntry { layer, name, trainable, .. }: LayerEntry| {
            let model = match name {
                Some(name) => model.add_named(&name, layer),
                None => model.add(layer),
            };
            model.trainable(trainable)
        };
        let mut spec = self.model.layers.iter().cloned().fold(start, add).spec();
        for (layer, entry) in spec.layers.iter_mut().zip(&self.model.layers) {
            layer.inputs = entry.inputs.clone().unwrap_or_else(|| std::mem::take(&mut layer.inputs));
            if let Some(first) = inputs.first() {
                let unnamed = layer.inputs.iter_mut().filter(|name| *name == ModelSpec::INPUT);
                unnamed.for_each(|name| name.clone_from(&first.name));
            }
        }
        spec.inputs = inputs.to_vec();
        spec
    }

    /// Loss, optimiser and averaging.
    pub fn training_spec(&self) -> TrainingSpec {
        let TrainConfig { loss, optimizer, ema_momentum: ema, .. } = &self.train;
        TrainingSpec { loss: loss.into(), optimizer: optimizer.clone(), ema: *ema }
    }

    /// The recipe as TOML, every default filled in.
    pub fn to_toml(&self) -> String {
        // Every value came from TOML or from a Rust type that TOML can hold, so nothing can fail here.
        toml::to_string(self).unwrap_or_default()
    }
}

/// A key that contradicts another one.
struct Conflict {
    key: String,
    problem: String,
    help: &'static str,
}

fn conflict(key: &str, problem: &str, help: &'static str) -> Result<(), Conflict> {
    Err(Conflict { key: key.to_owned(), problem: format!("data.{key} {problem}"), help })
}

impl DataConfig {
    /// Fills in what depends on other keys, and refuses keys that would have no effect.
    fn complete(&mut self) -> Result<(), Conflict> {
        self.check_files()?;
        if self.source != Source::ImageFolder && self.image_size.is_some() {
            conflict("image_size", "has no effect", "it belongs to source = \"image_folder\"")?;
        }
        self.complete_text()?;
        self.check_raw()?;
        match (self.validation, self.validation_split) {
            (Validation::Split, None) => self.validation_split = Some(0.1),
            (Validation::Test | Validation::None, Some(_)) => {
                conflict("validation_split", "has no effect", "leave it out, or set validation = \"split\"")?;
            }
            _ => {}
        }
        let own_test = self.source == Source::Mnist || self.test_images.is_some() || !self.raw.test_files.is_empty();
        match (own_test, self.test_split) {
            // Only the folder itself says whether it has a test set.
            _ if self.source == Source::ImageFolder => {}
            (false, _) if self.source.is_raw() => {}
            (false, None) => self.test_split = Some(if self.source == Source::Text { 0.1 } else { 0.2 }),
            (true, Some(_)) => {
                conflict("test_split", "has no effect", "leave it out: this source has a test set of its own")?;
            }
            _ => {}
        }
        let held_out = self.validation_split.unwrap_or(0.0) + self.test_split.unwrap_or(0.0);
        if held_out > 0.95 {
            let problem = format!("and test_split leave {:.0} % to train on", 100.0 * (1.0 - held_out));
            conflict("validation_split", &problem, "make them smaller")?;
        }
        Ok(())
    }

    /// Fills in what only texts have, and refuses what they do not have.
    fn complete_text(&mut self) -> Result<(), Conflict> {
        if self.source != Source::Text {
            let given = [("sequence_length", self.sequence_length), ("stride", self.stride)];
            return match given.iter().find(|(_, value)| value.is_some()) {
                Some((key, _)) => conflict(key, "has no effect", "it belongs to source = \"text\""),
                None => Ok(()),
            };
        }
        let sequence_length = *self.sequence_length.get_or_insert(128);
        self.stride.get_or_insert(sequence_length);
        match (&self.augment, self.scaling) {
            (Some(_), _) => conflict("augment", "has no effect", "it distorts images"),
            (_, Scaling::Standardize) => conflict("scaling", "has no effect", "tokens are not scaled: leave it out"),
            _ => Ok(()),
        }
    }

    /// Refuses what raw files do not have, and what only they have.
    fn check_raw(&self) -> Result<(), Conflict> {
        if !self.source.is_raw() {
            return match self.raw.first_key() {
                Some(key) => {
                    conflict(&key, "has no effect", "it belongs to source = \"table\", \"images\" or \"sounds\"")
                }
                None => Ok(()),
            };
        }
        let (split, own_test) = (&self.raw.split, !self.raw.test_files.is_empty());
        let ways = [&split.group, &split.time, &split.part].iter().filter(|way| way.is_some()).count();
        match (self.source, self.scaling) {
            _ if split.fold.is_some() && split.folds.is_none() => {
                conflict("split", "has a fold of no folds", "add `folds = …`, how many there are")
            }
            _ if split.folds.is_some() && (own_test || self.test_split.is_some() || split.part.is_some()) => {
                conflict("split", "has folds, one of which is the test set", "leave out the other test set")
            }
            _ if ways > 1 => conflict("split", "says several ways to divide the rows", "choose group, time or part"),
            (Source::Table, _) if self.raw.label.is_none() => {
                conflict("source", "= \"table\" needs `label`", "add `label = …`, the column to predict")
            }
            (_, Scaling::Standardize | Scaling::None) => {
                conflict("scaling", "has no effect", "set `scale` in [data.columns], or `normalise` in [data.picture]")
            }
            (Source::Sounds, _) if self.augment.is_some() => {
                conflict("augment", "has no effect", "it distorts images; sounds have [data.sound.augment]")
            }
            _ => Ok(()),
        }
    }

    /// What the loader does to images. A pipeline distorts those that it reads; the loader blends its batches.
    pub fn augment_in_loader(&self) -> Option<Augment> {
        self.augment.clone().and_then(|augment| if self.source.is_raw() { augment.blending() } else { Some(augment) })
    }

    fn check_files(&self) -> Result<(), Conflict> {
        let files = [
            ("train_images", &self.train_images, true),
            ("train_labels", &self.train_labels, true),
            ("test_images", &self.test_images, false),
            ("test_labels", &self.test_labels, false),
        ];
        for (key, file, needed) in files {
            match (self.source, file) {
                (Source::Idx, None) if needed => {
                    conflict("source", &format!("= \"idx\" needs `{key}`"), "give the names of the files")?;
                }
                (source, Some(_)) if source != Source::Idx => {
                    conflict(key, "has no effect", "it belongs to source = \"idx\"")?;
                }
                _ => {}
            }
        }
        match (self.source, &self.path, &self.test_images, &self.test_labels) {
            (Source::Digits, Some(_), ..) => conflict("path", "has no effect", "the digits are part of this program"),
            (_, _, Some(_), None) => conflict("test_images", "lacks its labels", "add `test_labels`"),
            (_, _, None, Some(_)) => conflict("test_labels", "lacks its images", "add `test_images`"),
            _ => Ok(()),
        }
    }
}
