//! Memory for the labels of a batch, in the form that a graph takes them.

use kamado_data::{Dataset, Labels, LabelsMut};
use kamado_engine::Feed;
use kamado_graph::shape::{DType, Shape};
use kamado_nn::model::Target;

use crate::error::TrainError;
use crate::inputs::Inputs;
use crate::metrics::Truth;
use crate::weights::Weights;

/// The number of elements of one example; `shape` is `[B, …]`.
pub(crate) fn example_len(shape: &Shape) -> usize {
    shape.at(1).iter().product()
}

/// The labels of a batch, and the input that takes them.
pub(crate) struct Targets {
    name: String,
    memory: Memory,
}

enum Memory {
    /// `width` for each example: one, or one for each token.
    Classes {
        width: usize,
        data: Vec<i32>,
    },
    Values {
        width: usize,
        data: Vec<f32>,
    },
    /// The loss takes no labels.
    Nothing,
}

impl Targets {
    /// Memory for `batch` examples.
    ///
    /// # Errors
    /// If the labels of `data` are not what the graph takes.
    pub(crate) fn new(target: Option<&Target>, data: &Dataset, batch: usize) -> Result<Self, TrainError> {
        let Some(target) = target else { return Ok(Targets { name: String::new(), memory: Memory::Nothing }) };
        let width = example_len(&target.ty.shape);
        let (fits, have) = match data.labels() {
            Labels::Classes { names, .. } if target.ty.dtype == DType::F32 => {
                (width == 1 || width == names.len(), format!("{} classes", names.len()))
            }
            Labels::Classes { names, .. } => (width == 1, format!("{} classes", names.len())),
            Labels::Values { width: have, .. } => {
                (target.ty.dtype == DType::F32 && width == *have, format!("{have} numbers per example"))
            }
            Labels::NextTokens { .. } => {
                let have = data.example_len();
                (target.ty.dtype == DType::I32 && width == have, format!("the next token for each of {have}"))
            }
        };
        if !fits {
            return Err(TrainError::request(
                format!("the loss takes labels {}, but those of {} are {have}", target.ty, data.name()),
                "Choose a loss and a last layer that fit the labels",
            ));
        }
        let memory = match target.ty.dtype {
            DType::I32 => Memory::Classes { width, data: vec![0; batch * width] },
            DType::F32 => Memory::Values { width, data: vec![0.0; batch * width] },
        };
        Ok(Targets { name: target.name.clone(), memory })
    }

    pub(crate) fn as_mut(&mut self) -> LabelsMut<'_> {
        match &mut self.memory {
            Memory::Classes { data, .. } => LabelsMut::Classes(data),
            Memory::Values { width, data } => LabelsMut::Values { width: *width, data },
            Memory::Nothing => LabelsMut::Nowhere,
        }
    }

    /// The inputs, the first `examples` labels if the loss takes some, and weights if there are some, for the engine.
    pub(crate) fn feeds<'a>(
        &'a self,
        inputs: &'a Inputs,
        weights: Option<&'a Weights>,
        examples: usize,
    ) -> Vec<(&'a str, Feed<'a>)> {
        let mut feeds: Vec<_> = inputs.feeds(examples).collect();
        match &self.memory {
            Memory::Classes { width, data } => feeds.push((&self.name, Feed::I32(&data[..examples * width]))),
            Memory::Values { width, data } => feeds.push((&self.name, Feed::F32(&data[..examples * width]))),
            Memory::Nothing => {}
        }
        feeds.extend(weights.map(|weights| ("sample_weight", weights.feed(examples))));
        feeds
    }

    /// The first `examples` labels, for metrics.
    pub(crate) fn truth(&self, examples: usize) -> Truth<'_> {
        match &self.memory {
            Memory::Classes { width, data } => Truth::Classes(&data[..examples * width]),
            Memory::Values { width, data } => Truth::Values(&data[..examples * width]),
            Memory::Nothing => Truth::Values(&[]),
        }
    }
}
