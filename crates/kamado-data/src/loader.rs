//! Batches of preprocessed examples in caller-given buffers.
//!
//! The order of an epoch is a function of (seed, epoch); the distortion of an example is one of (seed, epoch, row).
//! Neither depends on the batch size or on how many threads prepare batches in the background; only mixup and cutmix, which blend the
//! examples of a batch, depend on its size.

mod ahead;
mod fill;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kamado_graph::rng::Rng;

use crate::augment::{Augment, Augmenter, Mix, Scratch};
use crate::dataset::{Buffer, Dataset, FeatureData, FeaturesMut};
use crate::error::{DataError, Result};
use crate::order;
use crate::preprocess::{Affine, Preprocessing};
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
    /// Random distortion of images, for training only. Of images that are read when they are needed, only mixup and cutmix happen
    /// here: the rest belongs where they are read.
    pub augment: Option<Augment>,
    /// Whether inputs that are read when they are needed may be distorted at random, as for training.
    pub training: bool,
    /// The threads that prepare batches while earlier ones are in use, if there is something to decode or to distort; with
    /// none, a batch is prepared when it is asked for.
    pub workers: usize,
    /// How many shards of a source that has shards are mixed at a time.
    pub shards_at_once: usize,
}

impl Default for LoaderConfig {
    /// Batches of 32 in shuffled order from seed 0, raw numbers, no distortion, prepared ahead by two threads.
    fn default() -> Self {
        LoaderConfig {
            batch_size: 32,
            shuffle: true,
            seed: 0,
            preprocessing: Preprocessing::default(),
            augment: None,
            training: false,
            workers: 2,
            shards_at_once: 8,
        }
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
    mix: Option<Mix>,
}

/// Where the labels of a batch go.
#[derive(Debug)]
pub enum LabelsMut<'a> {
    /// Class indices, one per example; of [`Labels::NextTokens`](crate::dataset::Labels::NextTokens), one per token.
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

impl LabelsMut<'_> {
    /// The same buffer, lent.
    fn reborrow(&mut self) -> LabelsMut<'_> {
        match self {
            LabelsMut::Classes(data) => LabelsMut::Classes(data),
            LabelsMut::Values { width, data } => LabelsMut::Values { width: *width, data },
            LabelsMut::Nowhere => LabelsMut::Nowhere,
        }
    }
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
        let in_memory = matches!(dataset.features().data, FeatureData::U8(_) | FeatureData::F32(_));
        let refuse = |what: &str, remedy: &str| Err(DataError::request(format!("{} {what}", dataset.name()), remedy));
        if !config.preprocessing.steps.is_empty() && (!in_memory || dataset.inputs().len() > 1) {
            let what = if dataset.has_tokens() { "consists of tokens" } else { "brings its own preprocessing" };
            return refuse(&format!("{what}, which cannot be scaled"), "Remove the steps of the preprocessing");
        }
        let blending = config.augment.as_ref().and_then(Augment::blending);
        let distortion = config.augment.as_ref().filter(|augment| blending.as_ref() != Some(augment));
        if distortion.is_some() && !in_memory && !dataset.has_tokens() {
            return refuse("is read when it is needed", "Distort its examples where they are read");
        }
        if blending.is_some() && dataset.inputs().len() > 1 {
            return refuse("has several inputs, which cannot be blended", "Leave out augment.mixup and augment.cutmix");
        }
        let affine = config.preprocessing.affine(dataset.shape())?;
        let augmenter = distortion.map(|augment| Augmenter::new(augment, dataset.shape())).transpose()?;
        let mix = blending.map(|blending| Mix::new(&blending, dataset.shape())).transpose()?.flatten();
        Ok(Loader(Arc::new(Inner { dataset: dataset.clone(), config, affine, augmenter, mix })))
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
        let Inner { dataset, config, .. } = &*self.0;
        match config.shuffle {
            true => order::of_dataset(config.seed, epoch, dataset, config.shards_at_once),
            false => (0..dataset.len()).collect(),
        }
    }

    /// Memory for the inputs of a batch, as [`Batches::next_batch`] fills it.
    pub fn buffers(&self) -> Vec<Buffer> {
        let examples = self.batch_size().min(self.0.dataset.len());
        self.0.dataset.inputs().iter().map(|input| Buffer::of(&input.features, examples)).collect()
    }

    /// The batches of an epoch, one after another.
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.epoch_from(epoch, 0)
    }

    /// The batches of an epoch after its first `position` examples, as when training goes on where it was left.
    pub fn epoch_from(&self, epoch: u64, position: usize) -> Batches {
        let order: Arc<[usize]> = self.order(epoch).into_iter().skip(position).collect();
        let Inner { dataset, config, augmenter, .. } = &*self.0;
        let lazy = dataset.inputs().iter().any(|input| matches!(input.features.data, FeatureData::Lazy(_)));
        let busy = (augmenter.is_some() || lazy) && config.workers > 0;
        let ahead = if busy { Ahead::start(self, epoch, &order) } else { None };
        let (scratch, waited) = (Scratch::default(), Duration::ZERO);
        let mix = self.0.mix.clone();
        Batches { loader: self.clone(), epoch, order, last: 0..0, position: 0, ahead, scratch, mix, waited }
    }
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
    mix: Option<Mix>,
    waited: Duration,
}

impl Batches {
    /// Writes the next batch of a dataset with one input to the front of `x` and `labels`; answers the number of its
    /// examples, or None after the last.
    ///
    /// Errors if a buffer is too short, labels of this kind cannot be had, or an example cannot be read.
    pub fn next_into<'x>(&mut self, x: impl Into<FeaturesMut<'x>>, labels: LabelsMut<'_>) -> Result<Option<usize>> {
        self.next_views(std::slice::from_mut(&mut x.into()), labels)
    }

    /// Writes the next batch to the front of the buffers, one for each input, and of `labels`; answers the number of its
    /// examples, or None after the last.
    ///
    /// Errors as [`next_into`](Batches::next_into) does.
    pub fn next_batch(&mut self, x: &mut [Buffer], labels: LabelsMut<'_>) -> Result<Option<usize>> {
        let mut views: Vec<FeaturesMut<'_>> = x.iter_mut().map(FeaturesMut::from).collect();
        self.next_views(&mut views, labels)
    }

    fn next_views(&mut self, x: &mut [FeaturesMut<'_>], mut labels: LabelsMut<'_>) -> Result<Option<usize>> {
        let start = Instant::now();
        let end = (self.position + self.loader.batch_size()).min(self.order.len());
        let examples = &self.order[self.position..end];
        if examples.is_empty() {
            return Ok(None);
        }
        let mut x = self.loader.fronts(examples.len(), x)?;
        match self.ahead.as_mut().and_then(|ahead| ahead.next_into(&mut x)) {
            Some(done) => done?,
            // If there is no thread ahead, or it is gone, this thread does the work: with the same result.
            None => {
                self.ahead = None;
                self.loader.fill_for_epoch(self.epoch, examples, &mut x, &mut self.scratch)?;
            }
        }
        self.loader.fill_labels(examples, labels.reborrow())?;
        if let Some(mix) = &mut self.mix {
            blend(mix, &mut x, labels, examples, |row| streams::blend(self.loader.0.config.seed, self.epoch, row))?;
        }
        let count = examples.len();
        self.last = self.position..end;
        self.position = end;
        self.waited += start.elapsed();
        Ok(Some(count))
    }

    /// How long the callers have waited for batches so far.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The examples of the batch that was written last, in its order.
    pub fn examples(&self) -> &[usize] {
        &self.order[self.last.clone()]
    }
}

/// Blends the examples of a batch, which are at the front of `x`, and their labels.
fn blend(
    mix: &mut Mix,
    x: &mut [FeaturesMut<'_>],
    labels: LabelsMut<'_>,
    examples: &[usize],
    rng: impl Fn(usize) -> Rng,
) -> Result<()> {
    let ([FeaturesMut::F32(images)], LabelsMut::Values { width, data }) = (x, labels) else {
        return Err(DataError::request(
            "mixup and cutmix blend labels, but the loss takes the index of a class",
            "Train with `categorical_crossentropy` or another loss of shares, or leave out augment.mixup and augment.cutmix",
        ));
    };
    let labels = data.get_mut(..examples.len() * width).unwrap_or_default();
    mix.apply(images, labels, |place| rng(examples[place]))
}
