//! Examples: the numbers of one or several inputs, labels, and cheap views of some of the rows.

mod features;

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::{DataError, Result};
use crate::hex::hex;

pub use features::{Buffer, Examples, FeatureData, Features, FeaturesMut, Input};

/// What is to be predicted.
#[derive(Clone, Debug)]
pub enum Labels {
    /// One class per example.
    Classes {
        /// The class of each example, an index into `names`.
        indices: Vec<i32>,
        /// The names of the classes.
        names: Vec<String>,
    },
    /// `width` numbers per example.
    Values {
        /// How many numbers belong to one example.
        width: usize,
        /// The numbers, `examples x width`.
        data: Vec<f32>,
    },
    /// For each token of an example the one that follows it in the text, so that a model learns to continue texts.
    NextTokens {
        /// What each token stands for.
        names: Vec<String>,
    },
}

/// Features and labels of the same examples. Cloning and [`subset`](Dataset::subset) share the numbers.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    inputs: Arc<[Input]>,
    labels: Arc<Labels>,
    /// How much each row of the source counts in a loss.
    weights: Option<Arc<[f32]>>,
    /// Which shard each row of the source lies in, if reading neighbours together is cheaper.
    shards: Option<Arc<[u32]>>,
    /// The rows of the source that belong to this view, in order; all of them if absent.
    rows: Option<Arc<[usize]>>,
    len: usize,
    example_len: usize,
}

const REMEDY: &str = "Check what builds this dataset";

/// The number of examples of an input, each followed by `ahead` more numbers.
fn count(name: &str, features: &Features, ahead: usize) -> Result<usize> {
    let (shape, example_len) = (&features.shape, features.example_len());
    let counted = if example_len == 0 { None } else { features.data.examples(example_len, ahead) };
    let Some(len) = counted else {
        let found = "an empty shape, or numbers left over";
        return Err(DataError::malformed(name, format!("whole examples of shape {shape:?}"), found, REMEDY));
    };
    if !(features.max_value.is_finite() && features.max_value > 0.0) {
        let found = format!("{}", features.max_value);
        return Err(DataError::malformed(name, "a greatest value above 0", found, REMEDY));
    }
    Ok(len)
}

impl Dataset {
    /// The name of an input that is the only one.
    pub const INPUT: &'static str = "input_layer";

    /// A dataset of all given examples; `name` says in reports where they come from.
    ///
    /// Errors if the counts of features and labels differ, a class has no name, the shape has no elements, or
    /// `max_value` is not a positive number.
    pub fn new(name: impl Into<String>, features: Features, labels: Labels) -> Result<Self> {
        Self::of_inputs(name, vec![Input { name: Self::INPUT.to_owned(), features }], labels)
    }

    /// A dataset whose examples have several inputs, each with a name.
    ///
    /// Errors if there is no input, two have the same name or differ in the number of examples, or as
    /// [`new`](Dataset::new) does.
    pub fn of_inputs(name: impl Into<String>, inputs: Vec<Input>, labels: Labels) -> Result<Self> {
        let (name, remedy) = (name.into(), REMEDY);
        let Some(Input { features, .. }) = inputs.first() else {
            return Err(DataError::malformed(name, "at least one input", "none", remedy));
        };
        let ahead = usize::from(matches!(labels, Labels::NextTokens { .. }));
        let (len, example_len) = (count(&name, features, ahead)?, features.example_len());
        for (i, input) in inputs.iter().enumerate().skip(1) {
            let found = count(&name, &input.features, 0)?;
            if found != len || inputs[..i].iter().any(|other| other.name == input.name) {
                let found = format!("{found} of an input {:?}", input.name);
                return Err(DataError::malformed(
                    name,
                    format!("{len} examples under a name of its own"),
                    found,
                    remedy,
                ));
            }
        }
        let label_len = match &labels {
            Labels::Classes { indices, names } => {
                let nameless = indices.iter().position(|&i| usize::try_from(i).map_or(true, |i| i >= names.len()));
                if let Some(row) = nameless {
                    let expected = format!("classes from 0 to {}", names.len().saturating_sub(1));
                    let found = format!("class {} at example {row}", indices[row]);
                    return Err(DataError::malformed(name, expected, found, remedy));
                }
                indices.len()
            }
            Labels::Values { width, data } => data.len().checked_div(*width).unwrap_or(0),
            Labels::NextTokens { names } => match &features.data {
                FeatureData::Tokens { tokens, .. } => {
                    let known = |&token: &i32| usize::try_from(token).is_ok_and(|token| token < names.len());
                    if let Some(place) = tokens.iter().position(|token| !known(token)) {
                        let expected = format!("tokens from 0 to {}", names.len().saturating_sub(1));
                        let found = format!("{} at place {place}", tokens[place]);
                        return Err(DataError::malformed(name, expected, found, remedy));
                    }
                    len
                }
                _ => return Err(DataError::malformed(name, "tokens to continue", "other numbers", remedy)),
            },
        };
        if label_len != len {
            let found = format!("{label_len}");
            return Err(DataError::malformed(name, format!("one label for each of {len} examples"), found, remedy));
        }
        Ok(Dataset {
            name,
            inputs: inputs.into(),
            labels: Arc::new(labels),
            weights: None,
            shards: None,
            rows: None,
            len,
            example_len,
        })
    }

    /// The same examples, of which each counts with its weight in the loss of training and evaluation; one weight for each
    /// example of this view, at least 0. Views of the result keep them.
    ///
    /// Errors if there are not as many weights as examples, or one is negative or no number.
    pub fn with_sample_weights(self, weights: &[f32]) -> Result<Self> {
        let remedy = "Give one number of at least 0 for each example";
        if weights.len() != self.len {
            let expected = format!("{} sample weights", self.len);
            return Err(DataError::malformed(self.name, expected, format!("{}", weights.len()), remedy));
        }
        if let Some(i) = weights.iter().position(|&weight| !(weight >= 0.0 && weight.is_finite())) {
            let found = format!("{} at example {i}", weights[i]);
            return Err(DataError::malformed(self.name, "sample weights of at least 0", found, remedy));
        }
        let mut all = vec![1.0; self.rows().max().map_or(0, |row| row + 1)];
        self.rows().zip(weights).for_each(|(row, &weight)| all[row] = weight);
        Ok(Dataset { weights: Some(all.into()), ..self })
    }

    /// Whether examples have weights of their own.
    pub fn has_sample_weights(&self) -> bool {
        self.weights.is_some()
    }

    /// How much example `example` of this view counts in a loss; 1 unless said otherwise.
    pub fn sample_weight(&self, example: usize) -> f32 {
        self.weights.as_ref().and_then(|weights| weights.get(self.row(example))).copied().unwrap_or(1.0)
    }

    /// Where the examples come from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The inputs, with all rows of the source, also those outside this view; see [`row`](Dataset::row).
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Whether the features of the first input are tokens, or other integers, rather than floats.
    pub fn has_tokens(&self) -> bool {
        self.features().data.is_integer()
    }

    /// The shape of one example of the first input.
    pub fn shape(&self) -> &[usize] {
        &self.features().shape
    }

    /// How many numbers one example of the first input has.
    pub fn example_len(&self) -> usize {
        self.example_len
    }

    /// All features of the first input, also those of rows outside this view; see [`row`](Dataset::row).
    pub fn features(&self) -> &Features {
        &self.inputs[0].features
    }

    /// The same examples, of which those of a shard are read together: a loader shuffles a few shards at a time. The
    /// numbers are the shards of all rows of the source, in order.
    ///
    /// Errors if there are not as many as rows.
    pub fn with_shards(self, shards: Vec<u32>) -> Result<Self> {
        let rows = self.rows().max().map_or(0, |row| row + 1);
        if shards.len() < rows {
            let (expected, found) = (format!("the shards of {rows} rows"), format!("{}", shards.len()));
            return Err(DataError::malformed(self.name, expected, found, REMEDY));
        }
        Ok(Dataset { shards: Some(shards.into()), ..self })
    }

    /// The shard of example `example` of this view, if the source has shards.
    pub fn shard(&self, example: usize) -> Option<u32> {
        self.shards.as_ref().and_then(|shards| shards.get(self.row(example))).copied()
    }

    /// All labels of the source, also those of rows outside this view; see [`row`](Dataset::row).
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The row of the source that is example `example` of this view; `example` must be less than `len`.
    pub fn row(&self, example: usize) -> usize {
        self.rows.as_ref().map_or(example, |rows| rows[example])
    }

    /// The rows of the source that make up this view, in order.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len).map(|example| self.row(example))
    }

    /// A view of the given examples, in the given order; repeats are allowed.
    ///
    /// Errors if an index is not less than `len`.
    pub fn subset(&self, examples: &[usize]) -> Result<Dataset> {
        if let Some(bad) = examples.iter().find(|&&example| example >= self.len) {
            return Err(DataError::request(
                format!("{} has {} examples, so there is no example {bad}", self.name, self.len),
                "Choose from what is there",
            ));
        }
        let rows = examples.iter().map(|&example| self.row(example)).collect();
        Ok(Dataset { rows: Some(rows), len: examples.len(), ..self.clone() })
    }

    /// The width of one label: 1 for a class.
    pub fn label_width(&self) -> usize {
        match &*self.labels {
            Labels::Classes { .. } => 1,
            Labels::Values { width, .. } => *width,
            Labels::NextTokens { .. } => self.example_len,
        }
    }

    /// The names of the classes, if the labels are classes; of tokens, what they stand for.
    pub fn class_names(&self) -> Option<&[String]> {
        match &*self.labels {
            Labels::Classes { names, .. } | Labels::NextTokens { names } => Some(names),
            Labels::Values { .. } => None,
        }
    }

    /// The class of each example of this view, if the labels are classes.
    pub fn classes(&self) -> Option<Vec<i32>> {
        match &*self.labels {
            Labels::Classes { indices, .. } => Some(self.rows().map(|row| indices[row]).collect()),
            Labels::Values { .. } | Labels::NextTokens { .. } => None,
        }
    }

    /// The numbers of example `example` of this view, if they are integers, and the one behind each for
    /// [`Labels::NextTokens`].
    pub(crate) fn tokens(&self, example: usize) -> Option<(&[i32], &[i32])> {
        let (features, row) = (self.features(), self.row(example));
        let next = match &*self.labels {
            Labels::NextTokens { .. } => features.tokens(row, 1)?,
            _ => &[],
        };
        Some((features.tokens(row, 0)?, next))
    }

    /// The labels of all examples of this view one after another, if they are [`Labels::NextTokens`]; otherwise none.
    pub fn next_tokens(&self) -> impl Iterator<Item = i32> + '_ {
        (0..self.len).flat_map(|example| self.tokens(example).unwrap_or_default().1).copied()
    }

    /// How many examples of this view each class has, if the labels are classes.
    pub fn class_counts(&self) -> Option<Vec<usize>> {
        let classes = self.classes()?;
        let mut counts = vec![0; self.class_names()?.len()];
        classes.iter().for_each(|&class| counts[class as usize] += 1);
        Some(counts)
    }

    /// SHA-256 of shape, names of the classes, and the examples of this view with their labels and weights in order, in
    /// hexadecimal. The name of the dataset has no part in it.
    pub fn content_hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{:?} {:?} ", self.shape(), self.class_names()));
        let span = |row: usize, width: usize| row * width..(row + 1) * width;
        let update_floats = |hash: &mut Sha256, values: &[f32]| {
            values.iter().for_each(|value| hash.update(value.to_le_bytes()));
        };
        for (example, row) in self.rows().enumerate() {
            if self.has_sample_weights() {
                hash.update(self.sample_weight(example).to_le_bytes());
            }
            for Input { features, .. } in self.inputs.iter() {
                let width = features.example_len();
                match &features.data {
                    FeatureData::U8(data) => hash.update(&data[span(row, width)]),
                    FeatureData::F32(data) => update_floats(&mut hash, &data[span(row, width)]),
                    FeatureData::Tokens { .. } => {
                        let (tokens, next) = (features.tokens(row, 0), self.tokens(example).unwrap_or_default().1);
                        let tokens = tokens.unwrap_or_default().iter().chain(next.last());
                        tokens.for_each(|token| hash.update(token.to_le_bytes()));
                    }
                    FeatureData::Lazy(examples) => hash.update(examples.identity(row)),
                }
            }
            match &*self.labels {
                Labels::Classes { indices, .. } => hash.update(indices[row].to_le_bytes()),
                Labels::Values { width, data } => update_floats(&mut hash, &data[span(row, *width)]),
                Labels::NextTokens { .. } => {}
            }
        }
        hex(&hash.finalize())
    }
}
