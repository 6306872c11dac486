//! Raw input: what the user has, what the model gets, and what the parts of it are called.

mod columns;
mod words;

use std::path::Path;
use std::sync::Arc;

use kamado_data::media::Media;
use kamado_data::pipeline::Pipeline;
use kamado_data::readers::{self, ReadOptions};
use kamado_data::{Buffer, Column, Dataset, Frame, Kind, LabelsMut, Loader, LoaderConfig, Preprocessing, read_picture};
use kamado_graph::shape::DType;
use kamado_nn::model::InputSpec;
use kamado_nn::model_file::ModelFile;

use crate::error::{ExplainError, Result};
use crate::explanation::Explanation;
use crate::groups::Groups;
use crate::sample::{Sample, Values};

/// The most rows of a file that are read.
const MOST_ROWS: usize = 100_000;
/// The rows that are encoded at once.
const AT_ONCE: usize = 256;
/// The longest list of numbers, in bytes.
const LONGEST: u64 = 256 << 20;

/// A part of the raw input with a name: a word, a column.
#[derive(Clone, PartialEq, Debug)]
pub struct Feature {
    /// The word, or the name of the column.
    pub name: String,
    /// What stands in the column; empty for words.
    pub value: String,
}

/// What a raw input looks like to people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    /// Numbers without names.
    Numbers,
    /// A picture `[height, width, channels]`.
    Picture,
    /// A spectrogram or another sequence `[time, bins]`.
    Sequence,
    /// A text, word by word.
    Words,
    /// The columns of a row.
    Columns,
}

/// An example as the user has it.
#[derive(Clone, PartialEq, Debug)]
pub struct RawExample {
    /// Where it comes from.
    pub place: String,
    /// What the model gets.
    pub sample: Sample,
    /// What it looks like.
    pub view: View,
    /// The named parts, if it has some.
    pub features: Vec<Feature>,
    /// Which part each number of the model's inputs belongs to; those after the last named part belong to none.
    pub groups: Option<Groups>,
}

impl RawExample {
    /// The contributions of the named parts: sums over the numbers that encode them. Empty if there are none.
    pub fn attributions(&self, explanation: &Explanation) -> Vec<f64> {
        self.sums(explanation.inputs.iter().map(|input| &input.values[..]))
    }

    /// Half the widths of the intervals of the named parts, if the method has some: a part's numbers move together.
    pub fn errors(&self, explanation: &Explanation) -> Option<Vec<f64>> {
        let errors: Option<Vec<&[f64]>> = explanation.inputs.iter().map(|input| input.error.as_deref()).collect();
        Some(self.sums(errors?.into_iter())).filter(|errors| !errors.is_empty())
    }

    fn sums<'a>(&self, inputs: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
        let mut sums = vec![0.0; self.features.len()];
        let Some(groups) = &self.groups else { return sums };
        for (values, of) in inputs.zip(&groups.of) {
            for (value, &part) in values.iter().zip(of) {
                if let Some(sum) = sums.get_mut(part) {
                    *sum += value;
                }
            }
        }
        sums
    }
}

/// Reads what the user has, as the model was trained to.
#[derive(Debug)]
pub struct RawReader {
    preprocessing: Preprocessing,
    inputs: Vec<InputSpec>,
    media: Arc<Media>,
}

impl RawReader {
    /// A reader for the model of this file.
    ///
    /// # Errors
    /// If the preprocessing in it cannot be read.
    pub fn new(file: &ModelFile) -> Result<Self> {
        let preprocessing = match file.preprocessing.is_null() {
            true => Preprocessing::default(),
            false => serde_json::from_value(file.preprocessing.clone()).map_err(|error| {
                ExplainError::request(
                    format!("the preprocessing in the model file cannot be read: {error}"),
                    "Use the version of Kamado that wrote the file, or train the model again",
                )
            })?,
        };
        let inputs = file.model.spec.inputs.clone();
        Ok(RawReader { preprocessing, inputs, media: Arc::new(Media::new()) })
    }

    /// How raw data become inputs, if the model was trained on raw data.
    pub fn pipeline(&self) -> Option<&Pipeline> {
        self.preprocessing.pipeline.as_deref()
    }

    /// An example given as the raw numbers of all inputs, one after the other, to which the preprocessing is applied.
    ///
    /// # Errors
    /// If there are too few or too many, or one is not finite or not an integer where the model takes integers.
    pub fn numbers(&self, place: &str, numbers: &[f64]) -> Result<RawExample> {
        let lens: Vec<usize> = self.inputs.iter().map(|input| input.shape.iter().product()).collect();
        let total: usize = lens.iter().sum();
        if numbers.len() != total {
            let shapes: Vec<String> = self.inputs.iter().map(|input| format!("{:?}", input.shape)).collect();
            return Err(ExplainError::request(
                format!(
                    "the model takes {total} numbers of shape {}, but {place} has {}",
                    shapes.join(" and "),
                    numbers.len()
                ),
                "Give a whole example, row by row",
            ));
        }
        if let Some(i) = numbers.iter().position(|x| !(*x as f32).is_finite()) {
            let problem = format!("number {} of {place} is {}", i + 1, numbers[i]);
            return Err(ExplainError::request(problem, "Give finite numbers"));
        }
        let (mut values, mut rest) = (Vec::new(), numbers);
        for (input, &len) in self.inputs.iter().zip(&lens) {
            let (here, after) = rest.split_at(len);
            rest = after;
            values.push(match input.dtype {
                DType::F32 => Values::F32(here.iter().map(|&x| x as f32).collect()),
                DType::I32 => Values::I32(here.iter().map(|&x| integer(x, place)).collect::<Result<_>>()?),
            });
        }
        if let ([input], [Values::F32(numbers)], None) = (&self.inputs[..], &mut values[..], self.pipeline()) {
            self.preprocessing.apply(&input.shape, numbers)?;
        }
        Ok(self.plain(place, Sample(values)))
    }

    /// A text.
    ///
    /// # Errors
    /// If the model does not take one text.
    pub fn text(&self, text: &str) -> Result<RawExample> {
        let column = self.pipeline().and_then(|pipeline| pipeline.only_column(&Kind::Text)).ok_or_else(|| {
            ExplainError::request("the model does not take a single text", "Give a file with the columns of training")
        })?;
        let frame = Frame::new(vec![Column::of_texts(column, [Some(text)])])?;
        let mut examples = self.rows(&frame)?;
        let mut example = examples.pop().ok_or_else(|| ExplainError::request("there is no text", "Give one"))?;
        example.place = "text".to_owned();
        Ok(example)
    }

    /// The examples of a file: a picture, a sound, a table, or a list of numbers in JSON.
    ///
    /// # Errors
    /// If it cannot be read, or is not what the model was trained on.
    pub fn file(&self, path: &Path) -> Result<Vec<RawExample>> {
        let location = path.to_string_lossy().into_owned();
        if let Some(numbers) = numbers_in(path)? {
            return Ok(vec![self.numbers(&location, &numbers)?]);
        }
        let Some(pipeline) = self.pipeline() else {
            let (numbers, _) = self.preprocessing.prepare_picture(&read_picture(path)?)?;
            return Ok(vec![self.plain(&location, Sample::of(numbers))]);
        };
        let frame = match pipeline.row_of(&location)? {
            Some(row) => row,
            None => self.frame(path)?,
        };
        self.rows(&frame)
    }

    /// The table in a file, its columns read as those of training were.
    ///
    /// # Errors
    /// If it cannot be read, has too many rows, or the model was not trained on raw data.
    pub fn frame(&self, path: &Path) -> Result<Frame> {
        let pipeline = self.raw()?;
        let (options, kinds) = (pipeline.read_options(vec![path.to_string_lossy().into_owned()]), pipeline.kinds());
        let frame = readers::read_with(&ReadOptions { kinds, ..options }, &self.media)?.frame;
        if frame.rows() > MOST_ROWS {
            let problem = format!("{} has {} rows", path.display(), frame.rows());
            return Err(ExplainError::request(problem, format!("Give at most {MOST_ROWS}")));
        }
        Ok(frame)
    }

    /// The rows of a table of raw data.
    ///
    /// # Errors
    /// If the model was not trained on raw data, or a column lacks or cannot be understood.
    pub fn rows(&self, frame: &Frame) -> Result<Vec<RawExample>> {
        let samples = self.samples(frame)?;
        let pipeline = self.raw()?;
        let mut examples = Vec::with_capacity(samples.len());
        for (row, sample) in samples.into_iter().enumerate() {
            let mut example = self.plain(&frame.place(row), sample);
            let parts = Parts { reader: self, pipeline, frame, row };
            parts.name(&mut example)?;
            examples.push(example);
        }
        Ok(examples)
    }

    /// What the model gets for the rows of a table.
    ///
    /// # Errors
    /// As [`RawReader::rows`].
    pub fn samples(&self, frame: &Frame) -> Result<Vec<Sample>> {
        self.samples_of(&self.raw()?.examples("the rows to explain", frame, &self.media)?)
    }

    /// What the model gets for the examples of a dataset.
    ///
    /// # Errors
    /// If they do not fit the model.
    pub fn samples_of(&self, data: &Dataset) -> Result<Vec<Sample>> {
        if data.is_empty() {
            return Err(ExplainError::request("there is no example", "Give at least one row"));
        }
        let fits = |(input, data): (&InputSpec, &kamado_data::Input)| input.shape == data.features.shape;
        if data.inputs().len() != self.inputs.len() || !self.inputs.iter().zip(data.inputs()).all(fits) {
            let problem = format!("{} does not have the inputs of the model", data.name());
            return Err(ExplainError::request(problem, "Give what the model was trained on"));
        }
        let preprocessing = Preprocessing { pipeline: None, ..self.preprocessing.clone() };
        let config = LoaderConfig {
            batch_size: AT_ONCE.min(data.len()),
            shuffle: false,
            preprocessing,
            ..LoaderConfig::default()
        };
        let loader = Loader::new(data, config)?;
        let (mut buffers, mut batches) = (loader.buffers(), loader.epoch(0));
        let mut samples = Vec::with_capacity(data.len());
        while let Some(n) = batches.next_batch(&mut buffers, LabelsMut::Nowhere)? {
            for row in 0..n {
                let of = |(buffer, input): (&Buffer, &InputSpec)| {
                    let len: usize = input.shape.iter().product();
                    let place = row * len..(row + 1) * len;
                    match buffer {
                        Buffer::F32(x) => Values::F32(x[place].to_vec()),
                        Buffer::I32(x) => Values::I32(x[place].to_vec()),
                    }
                };
                samples.push(Sample(buffers.iter().zip(&self.inputs).map(of).collect()));
            }
        }
        Ok(samples)
    }

    fn raw(&self) -> Result<&Pipeline> {
        self.pipeline().ok_or_else(|| {
            ExplainError::request(
                "the model was not trained on raw tables, texts or sounds",
                "Give it pictures or numbers",
            )
        })
    }

    /// An example without named parts.
    fn plain(&self, place: &str, sample: Sample) -> RawExample {
        let view = match &self.inputs[..] {
            [InputSpec { shape, dtype: DType::F32, .. }] => match shape.len() {
                3 if matches!(shape[2], 1 | 3) => View::Picture,
                2 => View::Sequence,
                _ => View::Numbers,
            },
            _ => View::Numbers,
        };
        RawExample { place: place.to_owned(), sample, view, features: Vec::new(), groups: None }
    }
}

/// A row whose parts are named.
struct Parts<'a> {
    reader: &'a RawReader,
    pipeline: &'a Pipeline,
    frame: &'a Frame,
    row: usize,
}

impl Parts<'_> {
    /// Names words and columns; pictures and sounds stay numbers.
    fn name(&self, example: &mut RawExample) -> Result<()> {
        let inputs = &self.reader.inputs;
        let kinds = self.pipeline.kinds();
        let mut features: Vec<Feature> = Vec::new();
        let mut groups: Vec<Vec<Option<usize>>> = Vec::new();
        for (number, input) in inputs.iter().enumerate() {
            let len: usize = input.shape.iter().product();
            match (input.name.as_str(), &example.sample.0[number]) {
                ("table" | "categories", _) => groups.push(self.columns(&input.name, len, &mut features)?),
                (_, Values::I32(tokens)) => {
                    let texts = kinds.iter().filter(|(_, kind)| **kind == Kind::Text).map(|(name, _)| name.as_str());
                    groups.push(self.words(number, &input.name, texts.collect(), tokens, &mut features)?);
                }
                _ => groups.push(vec![None; len]),
            }
        }
        if features.is_empty() {
            return Ok(());
        }
        example.view = match inputs.iter().any(|input| matches!(input.name.as_str(), "table" | "categories")) {
            true => View::Columns,
            false => View::Words,
        };
        // What has no name plays together.
        let rest = features.len();
        let of = groups.into_iter().map(|of| of.into_iter().map(|part| part.unwrap_or(rest)).collect()).collect();
        example.groups = Some(Groups::new(of));
        example.features = features;
        Ok(())
    }
}

fn integer(x: f64, place: &str) -> Result<i32> {
    if x.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&x) {
        return Ok(x as i32);
    }
    Err(ExplainError::request(format!("{x} in {place} is no integer"), "The model takes tokens: give whole numbers"))
}

/// The numbers of a list in JSON, nested or not; None if the text is no list.
///
/// # Errors
/// If it is a list of something else.
pub fn parse_numbers(place: &str, text: &str) -> Result<Option<Vec<f64>>> {
    if !text.trim_start().starts_with('[') {
        return Ok(None);
    }
    let refuse = |what: String| {
        ExplainError::request(format!("{place} is no list of numbers: {what}"), "Write for example [0, 0.5, 1]")
    };
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    let mut numbers = Vec::new();
    collect(&value, &mut numbers).map_err(refuse)?;
    Ok(Some(numbers))
}

fn collect(value: &serde_json::Value, numbers: &mut Vec<f64>) -> std::result::Result<(), String> {
    match value {
        serde_json::Value::Array(items) => items.iter().try_for_each(|item| collect(item, numbers)),
        other => match other.as_f64() {
            Some(number) => {
                numbers.push(number);
                Ok(())
            }
            None => Err(format!("it holds {other}")),
        },
    }
}

/// The numbers in a file of JSON that is a list of them; None for other files.
fn numbers_in(path: &Path) -> Result<Option<Vec<f64>>> {
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if !is_json || std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LONGEST) {
        return Ok(None);
    }
    match std::fs::read_to_string(path) {
        Ok(text) if !text.contains('{') => parse_numbers(&path.display().to_string(), &text),
        Ok(_) => Ok(None),
        Err(error) => Err(ExplainError::request(format!("cannot read {}: {error}", path.display()), "Check the path")),
    }
}
