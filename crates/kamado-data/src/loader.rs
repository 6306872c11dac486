//! Batches of preprocessed examples in caller-given buffers.
//!
//! The order of an epoch is a function of (seed, epoch); the distortion of an example is one of (seed, epoch, row).
//! Neither depends on the batch size or on whether batches are prepared in the background.

mod ahead;

use std::ops::Range;
use std::sync::Arc;

use crate::augment::{Augment, Augmenter, Scratch};
use crate::dataset::{Dataset, Labels};
use crate::error::{DataError, Result};
use crate::preprocess::{Affine, Preprocessing, raw_example};
use crate::streams;
use ahead::Ahead;

/// How a [`Loader`] makes batches.
#[derive(Clone, Debug)]
pub struct LoaderConfig {
    /// Examples in a batch; the last batch of an epoch has what is left.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own; if not, examples come in the order of the dataset.
    pub shuffle: bool,
    /// The seed of orders and distortions.
    pub seed: u64,
    /// The steps from raw numbers to network input.
    pub preprocessing: Preprocessing,
    /// Random distortion of images, for training only.
    pub augment: Option<Augment>,
    /// Whether distorted batches are prepared on a thread of their own while the last one is in use.
    pub prefetch: bool,
}

impl Default for LoaderConfig {
    /// Batches of 32 in shuffled order from seed 0, raw numbers, no distortion, prepared ahead.
    fn default() -> Self {
        let preprocessing = Preprocessing::default();
        LoaderConfig { batch_size: 32, shuffle: true, seed: 0, preprocessing, augment: None, prefetch: true }
    }
}

/// Makes batches of a dataset. A clone shares the data.
#[derive(Clone, Debug)]
pub struct Loader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dataset: Dataset,
    config: LoaderConfig,
    affine: Affine,
    augmenter: Option<Augmenter>,
}

/// Where the features of a batch go.
#[derive(Debug)]
pub enum FeaturesMut<'a> {
    /// Floats, preprocessed.
    F32(&'a mut [f32]),
    /// Tokens.
    I32(&'a mut [i32]),
}

macro_rules! from {
    ($variant:ident, $type:ty) => {
        impl<'a> From<&'a mut [$type]> for FeaturesMut<'a> {
            fn from(buffer: &'a mut [$type]) -> Self {
                FeaturesMut::$variant(buffer)
            }
        }

        impl<'a> From<&'a mut Vec<$type>> for FeaturesMut<'a> {
            fn from(buffer: &'a mut Vec<$type>) -> Self {
                FeaturesMut::$variant(buffer)
            }
        }
    };
}

from!(F32, f32);
from!(I32, i32);

/// Where the labels of a batch go.
#[derive(Debug)]
pub enum LabelsMut<'a> {
    /// Class indices, one per example; of [`Labels::NextTokens`], one per token.
    Classes(&'a mut [i32]),
    /// Numbers, `width` per example. From classes, width 1 receives the index, and as many as there are classes
    /// receives a 1 at the class and 0 elsewhere.
    Values {
        /// How many numbers one example has.
        width: usize,
        /// The buffer.
        data: &'a mut [f32],
    },
    /// Labels are not wanted.
    Nowhere,
}

impl Loader {
    /// A loader of `dataset`.
    ///
    /// Errors if there is no example, `batch_size` is 0, the preprocessing does not fit the shape, or distortion is
    /// wanted of what is not an image `[height, width, channels]` or with impossible settings.
    pub fn new(dataset: &Dataset, config: LoaderConfig) -> Result<Self> {
        if dataset.is_empty() || config.batch_size == 0 {
            return Err(DataError::request(
                format!("cannot make batches of {} from {} examples", config.batch_size, dataset.len()),
                "Both must be at least 1",
            ));
        }
        if dataset.has_tokens() && !config.preprocessing.steps.is_empty() {
            return Err(DataError::request(
                format!("{} consists of tokens, which cannot be scaled", dataset.name()),
                "Remove the steps of the preprocessing",
            ));
        }
        let affine = config.preprocessing.affine(dataset.shape())?;
        let augmenter = config.augment.as_ref().map(|augment| Augmenter::new(augment, dataset.shape())).transpose()?;
        Ok(Loader(Arc::new(Inner { dataset: dataset.clone(), config, affine, augmenter })))
    }

    /// What batches are made of.
    pub fn dataset(&self) -> &Dataset {
        &self.0.dataset
    }

    /// The greatest number of examples in a batch.
    pub fn batch_size(&self) -> usize {
        self.0.config.batch_size
    }

    /// The number of batches in an epoch, the last partial one included.
    pub fn batches_per_epoch(&self) -> usize {
        self.0.dataset.len().div_ceil(self.0.config.batch_size)
    }

    /// The order of the examples in an epoch.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.0.dataset.len()).collect();
        if self.0.config.shuffle {
            streams::shuffle(self.0.config.seed, epoch).shuffle(&mut order);
        }
        order
    }

    /// The batches of an epoch, one after another.
    pub fn epoch(&self, epoch: u64) -> Batches {
        let order: Arc<[usize]> = self.order(epoch).into();
        let ahead =
            if self.0.augmenter.is_some() && self.0.config.prefetch { Ahead::start(self, epoch, &order) } else { None };
        Batches { loader: self.clone(), epoch, order, last: 0..0, position: 0, ahead, scratch: Scratch::default() }
    }

    /// Writes the given examples, preprocessed but never distorted, to the front of `x` and their labels to the front of
    /// `labels`.
    ///
    /// Errors if a buffer is too short, labels of this kind cannot be had, or an example does not exist.
    pub fn fill<'x>(&self, examples: &[usize], x: impl Into<FeaturesMut<'x>>, labels: LabelsMut<'_>) -> Result<()> {
        let dataset = &self.0.dataset;
        if let Some(bad) = examples.iter().find(|&&example| example >= dataset.len()) {
            return Err(DataError::request(
                format!("{} has no example {bad}", dataset.name()),
                format!("It has {}", dataset.len()),
            ));
        }
        match x.into() {
            FeaturesMut::F32(x) => {
                let x = self.floats(examples, x)?;
                for (&example, out) in examples.iter().zip(x.chunks_exact_mut(dataset.example_len())) {
                    self.0.affine.map(raw_example(dataset, dataset.row(example)), out);
                }
            }
            FeaturesMut::I32(x) => self.fill_tokens(examples, x)?,
        }
        self.fill_labels(examples, labels)
    }

    /// The front of `x`, for these examples.
    fn floats<'x>(&self, examples: &[usize], x: &'x mut [f32]) -> Result<&'x mut [f32]> {
        if self.0.dataset.has_tokens() {
            return Err(self.unfit_features("tokens", "floats"));
        }
        front(x, examples.len() * self.0.dataset.example_len(), "features")
    }

    fn fill_tokens(&self, examples: &[usize], x: &mut [i32]) -> Result<()> {
        let dataset = &self.0.dataset;
        let x = front(x, examples.len() * dataset.example_len(), "features")?;
        for (&example, out) in examples.iter().zip(x.chunks_exact_mut(dataset.example_len())) {
            let (tokens, _) = dataset.tokens(example).ok_or_else(|| self.unfit_features("floats", "tokens"))?;
            out.copy_from_slice(tokens);
        }
        Ok(())
    }

    fn unfit_features(&self, have: &str, wanted: &str) -> DataError {
        DataError::request(
            format!("the examples of {} are {have}, but {wanted} are wanted", self.0.dataset.name()),
            "Give the model an input of the type of the data",
        )
    }

    /// Writes examples as `epoch` has them; `x` has exactly their size.
    fn fill_distorted(&self, epoch: u64, examples: &[usize], x: &mut [f32], scratch: &mut Scratch) {
        let Inner { dataset, config, affine, augmenter } = &*self.0;
        for (&example, out) in examples.iter().zip(x.chunks_exact_mut(dataset.example_len())) {
            let row = dataset.row(example);
            match augmenter {
                None => affine.map(raw_example(dataset, row), out),
                Some(augmenter) => {
                    let mut rng = streams::augment(config.seed, epoch, row);
                    augmenter.distort(raw_example(dataset, row), &mut rng, scratch, out);
                    affine.apply(out);
                }
            }
        }
    }

    fn fill_labels(&self, examples: &[usize], target: LabelsMut<'_>) -> Result<()> {
        let dataset = &self.0.dataset;
        let rows = examples.iter().map(|&example| dataset.row(example));
        match (dataset.labels(), target) {
            (_, LabelsMut::Nowhere) => {}
            (Labels::Classes { indices, .. }, LabelsMut::Classes(data)) => {
                let data = front(data, examples.len(), "labels")?;
                data.iter_mut().zip(rows).for_each(|(out, row)| *out = indices[row]);
            }
            (Labels::Classes { indices, .. }, LabelsMut::Values { width: 1, data }) => {
                let data = front(data, examples.len(), "labels")?;
                data.iter_mut().zip(rows).for_each(|(out, row)| *out = indices[row] as f32);
            }
            (Labels::Classes { indices, names }, LabelsMut::Values { width, data }) if width == names.len() => {
                let data = front(data, examples.len() * width, "labels")?;
                data.fill(0.0);
                data.chunks_exact_mut(width).zip(rows).for_each(|(out, row)| out[indices[row] as usize] = 1.0);
            }
            (Labels::Values { width: have, data: values }, LabelsMut::Values { width, data }) if width == *have => {
                let data = front(data, examples.len() * width, "labels")?;
                for (out, row) in data.chunks_exact_mut(width).zip(rows) {
                    out.copy_from_slice(&values[row * width..(row + 1) * width]);
                }
            }
            (Labels::Classes { names, .. }, LabelsMut::Values { width, .. }) => {
                return Err(unfit_labels(&format!("{} classes", names.len()), &format!("{width} numbers")));
            }
            (Labels::Values { width, .. }, LabelsMut::Values { width: wanted, .. }) => {
                return Err(unfit_labels(&format!("{width} numbers"), &format!("{wanted} numbers")));
            }
            (Labels::Values { width, .. }, LabelsMut::Classes(_)) => {
                return Err(unfit_labels(&format!("{width} numbers"), "a class"));
            }
            (Labels::NextTokens { .. }, LabelsMut::Classes(data)) => {
                let width = dataset.example_len();
                let data = front(data, examples.len() * width, "labels")?;
                for (&example, out) in examples.iter().zip(data.chunks_exact_mut(width)) {
                    out.copy_from_slice(dataset.tokens(example).unwrap_or_default().1);
                }
            }
            (Labels::NextTokens { .. }, LabelsMut::Values { width, .. }) => {
                return Err(unfit_labels("the next tokens", &format!("{width} numbers")));
            }
        }
        Ok(())
    }
}

fn unfit_labels(have: &str, wanted: &str) -> DataError {
    DataError::request(
        format!("the labels of this dataset are {have}, but {wanted} per example are wanted"),
        "Choose a loss and a last layer that fit the labels",
    )
}

fn front<'a, T>(buffer: &'a mut [T], needed: usize, what: &str) -> Result<&'a mut [T]> {
    let found = buffer.len();
    buffer.get_mut(..needed).ok_or_else(|| {
        DataError::request(
            format!("the buffer for {what} holds {found} numbers, but a batch needs {needed}"),
            "Make it as long as the batch size times the size of one example",
        )
    })
}

/// The batches of one epoch.
#[derive(Debug)]
pub struct Batches {
    /// The places in the order of the examples of the last batch.
    last: Range<usize>,
    loader: Loader,
    epoch: u64,
    order: Arc<[usize]>,
    position: usize,
    ahead: Option<Ahead>,
    scratch: Scratch,
}

impl Batches {
    /// Writes the next batch to the front of `x` and `labels`; answers the number of its examples, or None after the
    /// last.
    ///
    /// Errors if a buffer is too short or labels of this kind cannot be had.
    pub fn next_into<'x>(&mut self, x: impl Into<FeaturesMut<'x>>, labels: LabelsMut<'_>) -> Result<Option<usize>> {
        let end = (self.position + self.loader.batch_size()).min(self.order.len());
        let examples = &self.order[self.position..end];
        if examples.is_empty() {
            return Ok(None);
        }
        match x.into() {
            FeaturesMut::F32(x) => {
                let x = self.loader.floats(examples, x)?;
                // If there is no thread ahead, or it is gone, this thread does the work: with the same result.
                if !self.ahead.as_mut().is_some_and(|ahead| ahead.next_into(x)) {
                    self.ahead = None;
                    self.loader.fill_distorted(self.epoch, examples, x, &mut self.scratch);
                }
            }
            FeaturesMut::I32(x) => self.loader.fill_tokens(examples, x)?,
        }
        self.loader.fill_labels(examples, labels)?;
        let count = examples.len();
        self.last = self.position..end;
        self.position = end;
        Ok(Some(count))
    }

    /// The examples of the batch that was written last, in its order.
    pub fn examples(&self) -> &[usize] {
        &self.order[self.last.clone()]
    }
}
