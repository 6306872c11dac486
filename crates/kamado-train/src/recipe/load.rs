//! From `[data]` to the examples.

use std::path::Path;

use kamado_data::clean::BadRow;
use kamado_data::pipeline::Pipeline;
use kamado_data::sources::text_file::{self, TextParts, TextWindows};
use kamado_data::sources::{TrainTest, digits, idx_files, image_folder, mnist};
use kamado_data::{DataError, Dataset, ImageInput, Input, Invert, Part, Preprocessing, random_split, stratified_split};
use kamado_graph::shape::DType;
use kamado_nn::model::{InputSpec, ModelSpec};

use super::config::{DataConfig, Scaling, Source, Validation};

/// The data of a run, divided.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What is learnt from.
    pub train: Dataset,
    /// What is watched at the end of each epoch.
    pub validation: Option<Dataset>,
    /// What the finished model is measured on.
    pub test: Dataset,
    /// What is done to the numbers; a model keeps it.
    pub preprocessing: Preprocessing,
    /// The rows of raw files that cannot be used, with the reasons.
    pub quarantine: Vec<BadRow>,
    /// What was decided while raw files were read.
    pub notes: Vec<String>,
}

impl Parts {
    fn new(train: Dataset, validation: Option<Dataset>, test: Dataset, preprocessing: Preprocessing) -> Self {
        Parts { train, validation, test, preprocessing, quarantine: Vec::new(), notes: Vec::new() }
    }

    /// The inputs that a model for these data has.
    pub fn inputs(&self) -> Vec<InputSpec> {
        let input = |input: &Input| InputSpec {
            name: input.name.clone(),
            shape: input.features.shape.clone(),
            dtype: if input.features.data.is_integer() { DType::I32 } else { DType::F32 },
        };
        self.train.inputs().iter().map(input).collect()
    }
}

impl DataConfig {
    /// Reads the data and divides them; `seed` decides which example is in which part.
    ///
    /// # Errors
    /// If a file is missing, damaged or does not fit the others, or there are too few examples to divide.
    pub fn load(&self, seed: u64) -> Result<Parts, DataError> {
        self.load_with(seed, None)
    }

    /// As [`load`](DataConfig::load), but raw files are encoded by the pipeline of a model that is there already.
    ///
    /// # Errors
    /// As [`load`](DataConfig::load).
    pub fn load_with(&self, seed: u64, pipeline: Option<&Pipeline>) -> Result<Parts, DataError> {
        match self.source {
            Source::Text => return self.read_text(),
            source if source.is_raw() => return self.load_raw(seed, pipeline),
            _ => {}
        }
        let (TrainTest { train, test }, mut preprocessing) = self.read()?;
        let test_split = self.split_for_test(test.is_some())?;
        // The same call whether or not there is a test set to cut off, so that no example can be in two parts.
        let fractions: Vec<f64> = [test_split, self.validation_split].into_iter().flatten().collect();
        let mut parts = self.divide(&train, &fractions, seed)?.into_iter();
        let mut next = |wanted: bool| if wanted { parts.next() } else { None };
        let (split_test, split_validation) = (next(test_split.is_some()), next(self.validation_split.is_some()));
        let train = next(true).unwrap_or(train);
        let test = test.or(split_test).ok_or_else(|| request("there are no test data", "Set data.test_split"))?;
        let validation = match self.validation {
            Validation::Split => split_validation,
            Validation::Test => Some(test.clone()),
            Validation::None => None,
        };
        match self.scaling {
            Scaling::Unit => {}
            Scaling::Standardize => preprocessing.fit_standardize(&train)?,
            Scaling::None => preprocessing.steps.clear(),
        }
        Ok(Parts::new(train, validation, test, preprocessing))
    }

    /// The share to cut off for the test; of a folder of images, it follows from whether it has a test set.
    fn split_for_test(&self, own_test: bool) -> Result<Option<f64>, DataError> {
        match (self.source, own_test, self.test_split) {
            (Source::ImageFolder, true, Some(_)) => Err(request(
                "data.test_split has no effect: the folder has a test set of its own",
                "Leave it out, or take the folder `test` away",
            )),
            (Source::ImageFolder, false, None) => Ok(Some(0.2)),
            (_, _, split) => Ok(split),
        }
    }

    /// The shape of one example; for `idx`, that in the file; for `image_folder`, that of its pictures, or of coloured
    /// ones of the size that the recipe says if it does not say where they are.
    ///
    /// # Errors
    /// As [`load`](DataConfig::load).
    pub fn example_shape(&self) -> Result<Vec<usize>, DataError> {
        match self.source {
            Source::Digits => Ok(vec![8, 8, 1]),
            Source::Mnist => Ok(vec![28, 28, 1]),
            Source::Idx => Ok(idx_files::load(&self.idx_files()?)?.train.shape().to_vec()),
            Source::ImageFolder => match (&self.path, self.image_size) {
                (None, Some([height, width])) => Ok(vec![height, width, 3]),
                _ => Ok(self.read_folder()?.train.shape().to_vec()),
            },
            Source::Text => Ok(vec![self.sequence_length.unwrap_or(1)]),
            Source::Table | Source::Images | Source::Sounds => {
                Ok(self.load(0)?.inputs().into_iter().next().map_or(Vec::new(), |input| input.shape))
            }
        }
    }

    /// The inputs of a model for these data; those of raw files follow from the files.
    ///
    /// # Errors
    /// As [`load`](DataConfig::load).
    pub fn inputs(&self) -> Result<Vec<InputSpec>, DataError> {
        if self.source.is_raw() {
            return Ok(self.load(0)?.inputs());
        }
        let dtype = if self.source == Source::Text { DType::I32 } else { DType::F32 };
        Ok(vec![InputSpec { name: ModelSpec::INPUT.to_owned(), shape: self.example_shape()?, dtype }])
    }

    fn read(&self) -> Result<(TrainTest, Preprocessing), DataError> {
        match self.source {
            Source::Digits => Ok((TrainTest { train: digits::load()?, test: None }, digits::preprocessing())),
            Source::Mnist => Ok((self.read_mnist()?, mnist::preprocessing())),
            Source::Idx => {
                let read = idx_files::load(&self.idx_files()?)?;
                let preprocessing = image_preprocessing(&read.train);
                Ok((read, preprocessing))
            }
            Source::ImageFolder => {
                let read = self.read_folder()?;
                let preprocessing = image_preprocessing(&read.train);
                Ok((read, preprocessing))
            }
            Source::Text | Source::Table | Source::Images | Source::Sounds => {
                unreachable!("these are divided where they are read")
            }
        }
    }

    /// A text is divided before it becomes examples, so that no example of one part overlaps another.
    fn read_text(&self) -> Result<Parts, DataError> {
        let path = self.path.as_deref().ok_or_else(|| {
            request("source = \"text\" lacks the file", "Set data.path, or give the file with `--data FILE`")
        })?;
        let sequence_length = self.sequence_length.unwrap_or(1);
        let TextParts { train, validation, test, tokenizer } = text_file::load(
            path,
            &TextWindows {
                sequence_length,
                stride: self.stride.unwrap_or(sequence_length),
                test: self.test_split.unwrap_or(0.0),
                validation: self.validation_split.unwrap_or(0.0),
            },
        )?;
        let test = test.ok_or_else(|| request("there are no test data", "Set data.test_split"))?;
        let validation = if self.validation == Validation::Test { Some(test.clone()) } else { validation };
        let preprocessing = Preprocessing { text: Some(tokenizer), ..Preprocessing::default() };
        Ok(Parts::new(train, validation, test, preprocessing))
    }

    fn read_folder(&self) -> Result<TrainTest, DataError> {
        let path = self.path.as_deref().ok_or_else(|| {
            let remedy = "Set data.path, or give the folder of the images with `--data DIR`";
            request("source = \"image_folder\" lacks the folder", remedy)
        })?;
        image_folder::load(path, self.image_size)
    }

    fn read_mnist(&self) -> Result<TrainTest, DataError> {
        if let Some(path) = &self.path {
            return mnist::load(path);
        }
        let cached = kamado_data::fetch::cache_directory()?.join("mnist");
        if !cached.is_dir() {
            return Err(request(
                &format!("MNIST is not on this machine (looked in {})", cached.display()),
                "Run `kamado fetch mnist` to download it, or give its directory with `--data DIR`",
            ));
        }
        mnist::load(&cached)
    }

    fn idx_files(&self) -> Result<idx_files::IdxFiles, DataError> {
        let folder = self.path.as_deref().unwrap_or(Path::new(""));
        let (Some(images), Some(labels)) = (&self.train_images, &self.train_labels) else {
            return Err(request("source = \"idx\" lacks the names of the files", "Set train_images and train_labels"));
        };
        Ok(idx_files::IdxFiles {
            train_images: folder.join(images),
            train_labels: folder.join(labels),
            test_images: self.test_images.as_ref().map(|file| folder.join(file)),
            test_labels: self.test_labels.as_ref().map(|file| folder.join(file)),
        })
    }

    /// One part for each fraction, and the rest; the whole if there are no fractions.
    fn divide(&self, dataset: &Dataset, fractions: &[f64], seed: u64) -> Result<Vec<Dataset>, DataError> {
        if fractions.is_empty() {
            return Ok(vec![dataset.clone()]);
        }
        let parts: Vec<Part> = fractions.iter().map(|&f| Part::Fraction(f)).chain([Part::Rest]).collect();
        let examples = match dataset.classes() {
            Some(classes) if self.stratify => stratified_split(&classes, &parts, seed)?,
            _ => random_split(dataset.len(), &parts, seed)?,
        };
        examples.iter().map(|examples| dataset.subset(examples)).collect()
    }
}

fn image_preprocessing(train: &Dataset) -> Preprocessing {
    let max_value = train.features().max_value;
    let unit = Preprocessing::scale_to_unit(max_value);
    match *train.shape() {
        // Nothing is known of these pictures, so nothing is guessed.
        [height, width, channels @ (1 | 3)] => {
            unit.with_image(ImageInput { height, width, channels, max_value, invert: Invert::Never, digit_box: None })
        }
        _ => unit,
    }
}

pub(super) fn request(problem: &str, remedy: &str) -> DataError {
    DataError::Request { problem: problem.to_owned(), remedy: remedy.to_owned() }
}
