//! From raw numbers to what the network was trained on; stored in the model and applied again at prediction.

mod digit;
mod picture;

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, FeatureData, Features};
use crate::error::{DataError, Result};
use crate::pipeline::Pipeline;
use crate::text::Tokenizer;

pub use picture::{ImageInput, Invert, PictureReport};

/// One step of a [`Preprocessing`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// `x * factor + offset`.
    Scale {
        /// Multiplies every number.
        factor: f32,
        /// Is added to every number afterwards.
        offset: f32,
    },
    /// `(x - mean) / std` per channel (the last axis), or with one value for all channels.
    Standardize {
        /// The mean of each channel in the training data.
        mean: Vec<f32>,
        /// The standard deviation of each channel in the training data; above 0.
        std: Vec<f32>,
    },
}

/// The steps from raw numbers to the input of the network, and how a picture becomes raw numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocessing {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// How pictures are fitted to the input, if the input is an image.
    pub image: Option<ImageInput>,
    /// How texts become tokens, if the input is text.
    pub text: Option<Tokenizer>,
    /// How rows of raw files become the inputs, in place of all of the above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Box<Pipeline>>,
}

impl Preprocessing {
    /// Divides by the greatest raw value, so that numbers are 0 to 1.
    pub fn scale_to_unit(max_value: f32) -> Self {
        let factor = (1.0 / f64::from(max_value)) as f32;
        Preprocessing { steps: vec![Step::Scale { factor, offset: 0.0 }], ..Preprocessing::default() }
    }

    /// The same steps, with a way to treat pictures.
    pub fn with_image(self, image: ImageInput) -> Self {
        Preprocessing { image: Some(image), ..self }
    }

    /// Adds a [`Step::Standardize`] with the mean and (population) standard deviation per channel of `training` after
    /// the steps so far. A channel that never changes keeps its scale. Give it the training part only, or the
    /// measurement on the other parts is too good.
    ///
    /// Errors if `training` is empty or its numbers are not finite, or as [`apply`](Preprocessing::apply) does.
    pub fn fit_standardize(&mut self, training: &Dataset) -> Result<()> {
        if matches!(training.features().data, FeatureData::Lazy(_) | FeatureData::Tokens { .. }) {
            let problem = format!("cannot standardize {}: its numbers are not in memory as floats", training.name());
            return Err(DataError::request(problem, "Give the source its own way to scale"));
        }
        let affine = self.affine(training.shape())?;
        let channels = training.shape().last().copied().unwrap_or(1);
        let mut example = vec![0.0; training.example_len()];
        let mut pass = |add: &mut dyn FnMut(usize, f64)| {
            for row in training.rows() {
                affine.map(raw_example(training.features(), row), &mut example);
                example.iter().enumerate().for_each(|(i, &x)| add(i % channels, f64::from(x)));
            }
        };
        let n = (training.len() * training.example_len() / channels) as f64;
        let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
        pass(&mut |channel, x| mean[channel] += x / n);
        pass(&mut |channel, x| variance[channel] += (x - mean[channel]).powi(2) / n);
        if training.is_empty() || !mean.iter().chain(&variance).all(|x| x.is_finite()) {
            return Err(DataError::request(
                format!("cannot standardize {}: it is empty or holds numbers that are not finite", training.name()),
                "Clean the data first",
            ));
        }
        let std = variance.iter().map(|&v| if v > 0.0 { v.sqrt() as f32 } else { 1.0 }).collect();
        self.steps.push(Step::Standardize { mean: mean.iter().map(|&m| m as f32).collect(), std });
        Ok(())
    }

    /// Applies the steps to raw numbers in place: whole examples of `shape`, one after another.
    ///
    /// Errors if a step has another number of channels than `shape`, or a value that is not finite, or a standard
    /// deviation that is not above 0.
    pub fn apply(&self, shape: &[usize], numbers: &mut [f32]) -> Result<()> {
        self.affine(shape)?.apply(numbers);
        Ok(())
    }

    /// All steps as one, per channel.
    pub(crate) fn affine(&self, shape: &[usize]) -> Result<Affine> {
        let channels = shape.last().copied().unwrap_or(1);
        let uniform = self.steps.iter().all(|step| match step {
            Step::Scale { .. } => true,
            Step::Standardize { mean, std } => mean.len() == 1 && std.len() == 1,
        });
        let width = if uniform { 1 } else { channels };
        let (mut factors, mut offsets) = (vec![1.0f64; width], vec![0.0f64; width]);
        for step in &self.steps {
            for channel in 0..width {
                let (factor, offset) = step.affine(channel, channels)?;
                factors[channel] *= factor;
                offsets[channel] = offsets[channel] * factor + offset;
            }
        }
        let narrow = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect::<Vec<_>>();
        let affine = Affine { factors: narrow(factors), offsets: narrow(offsets) };
        if !affine.factors.iter().chain(&affine.offsets).all(|value| value.is_finite()) {
            return Err(DataError::request(
                format!("the preprocessing {:?} overflows or is not a number", self.steps),
                "Use finite factors and offsets",
            ));
        }
        Ok(affine)
    }
}

impl Step {
    /// Factor and offset of one channel.
    fn affine(&self, channel: usize, channels: usize) -> Result<(f64, f64)> {
        match self {
            Step::Scale { factor, offset } => Ok((f64::from(*factor), f64::from(*offset))),
            Step::Standardize { mean, std } => {
                let pick = |values: &[f32]| match values {
                    [only] => Some(f64::from(*only)),
                    _ if values.len() == channels => values.get(channel).map(|&value| f64::from(value)),
                    _ => None,
                };
                match (pick(mean), pick(std)) {
                    (Some(mean), Some(std)) if std > 0.0 => Ok((1.0 / std, -mean / std)),
                    _ => Err(DataError::request(
                        format!("cannot standardize {channels} channels with mean {mean:?} and std {std:?}"),
                        "Give one value or one per channel; each std must be above 0",
                    )),
                }
            }
        }
    }
}

/// The raw numbers of one example.
#[derive(Clone, Copy)]
pub(crate) enum Raw<'a> {
    U8(&'a [u8]),
    F32(&'a [f32]),
}

impl Raw<'_> {
    /// The numbers as floats; `out` has their length.
    pub(crate) fn copy_to(self, out: &mut [f32]) {
        match self {
            Raw::U8(raw) => out.iter_mut().zip(raw).for_each(|(out, &x)| *out = f32::from(x)),
            Raw::F32(raw) => out.copy_from_slice(raw),
        }
    }
}

/// The raw numbers of row `row` of the source.
pub(crate) fn raw_example(features: &Features, row: usize) -> Raw<'_> {
    let len = features.example_len();
    let span = row * len..(row + 1) * len;
    match &features.data {
        FeatureData::U8(data) => Raw::U8(&data[span]),
        FeatureData::F32(data) => Raw::F32(&data[span]),
        // These do not pass through here: they are the input of the network already.
        FeatureData::Tokens { .. } | FeatureData::Lazy(_) => Raw::F32(&[]),
    }
}

/// `x * factor + offset`, one pair for all channels or one for each.
#[derive(Clone, Debug)]
pub(crate) struct Affine {
    factors: Vec<f32>,
    offsets: Vec<f32>,
}

impl Affine {
    /// The number that became `x`; 0 if all numbers became the same.
    pub(crate) fn undo(&self, channel: usize, x: f32) -> f32 {
        let pick = |values: &[f32]| values.get(channel).or(values.first()).copied().unwrap_or(0.0);
        let factor = pick(&self.factors);
        if factor == 0.0 { 0.0 } else { (x - pick(&self.offsets)) / factor }
    }

    /// Maps the raw numbers of one example to `out`, which has the same length.
    pub(crate) fn map(&self, raw: Raw<'_>, out: &mut [f32]) {
        raw.copy_to(out);
        self.apply(out);
    }

    /// Maps numbers in place.
    pub(crate) fn apply(&self, numbers: &mut [f32]) {
        if let (&[factor], &[offset]) = (&self.factors[..], &self.offsets[..]) {
            numbers.iter_mut().for_each(|x| *x = *x * factor + offset);
            return;
        }
        for pixel in numbers.chunks_exact_mut(self.factors.len()) {
            for ((x, factor), offset) in pixel.iter_mut().zip(&self.factors).zip(&self.offsets) {
                *x = *x * factor + offset;
            }
        }
    }
}
