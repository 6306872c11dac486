//! The numbers of examples: in memory, or read when they are needed.

use std::fmt::Debug;
use std::sync::Arc;

use kamado_graph::rng::Rng;

use crate::error::Result;

/// Where numbers go.
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

impl FeaturesMut<'_> {
    /// Pieces of `len` numbers, one after another.
    pub(crate) fn pieces(&mut self, len: usize) -> impl Iterator<Item = FeaturesMut<'_>> {
        let (floats, tokens) = match self {
            FeaturesMut::F32(data) => (&mut **data, &mut [][..]),
            FeaturesMut::I32(data) => (&mut [][..], &mut **data),
        };
        let floats = floats.chunks_exact_mut(len).map(FeaturesMut::F32);
        floats.chain(tokens.chunks_exact_mut(len).map(FeaturesMut::I32))
    }
}

/// Memory for the numbers of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Buffer {
    /// Floats.
    F32(Vec<f32>),
    /// Tokens and other integers.
    I32(Vec<i32>),
}

impl Buffer {
    /// Memory for `examples` examples.
    pub(crate) fn of(features: &Features, examples: usize) -> Self {
        let len = examples * features.example_len();
        if features.data.is_integer() { Buffer::I32(vec![0; len]) } else { Buffer::F32(vec![0.0; len]) }
    }

    /// The first `len` numbers, or all if there are fewer.
    pub(crate) fn front(&mut self, len: usize) -> FeaturesMut<'_> {
        match self {
            Buffer::F32(data) => {
                let len = len.min(data.len());
                FeaturesMut::F32(&mut data[..len])
            }
            Buffer::I32(data) => {
                let len = len.min(data.len());
                FeaturesMut::I32(&mut data[..len])
            }
        }
    }
}

impl<'a> From<&'a mut Buffer> for FeaturesMut<'a> {
    fn from(buffer: &'a mut Buffer) -> Self {
        match buffer {
            Buffer::F32(data) => FeaturesMut::F32(data),
            Buffer::I32(data) => FeaturesMut::I32(data),
        }
    }
}

/// Examples that are read, decoded and prepared each time they are needed, by any thread.
pub trait Examples: Debug + Send + Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether they are integers rather than floats.
    fn is_integer(&self) -> bool {
        false
    }

    /// Writes example `row` to `out`, which has its size; distorted at random if `rng` is given, and only by its numbers.
    ///
    /// # Errors
    /// If the example cannot be read, saying which and why.
    fn read(&self, row: usize, rng: Option<&mut Rng>, out: FeaturesMut<'_>) -> Result<()>;

    /// What tells example `row` from others, such as its file and the size of it; for the hash of the data.
    fn identity(&self, row: usize) -> Vec<u8>;
}

/// The numbers of all examples, one example after another, as they came from the source.
#[derive(Clone, Debug)]
pub enum FeatureData {
    /// Bytes, as images have them.
    U8(Vec<u8>),
    /// Floats.
    F32(Vec<f32>),
    /// Tokens of a text, or other integers. Examples are windows whose starts are `stride` apart, so that they may
    /// overlap; a table of integers has a stride of one example.
    Tokens {
        /// The numbers, of all texts one after another.
        tokens: Vec<i32>,
        /// The distance from the start of one example to that of the next; at least 1.
        stride: usize,
    },
    /// They are read when they are needed.
    Lazy(Arc<dyn Examples>),
}

impl FeatureData {
    /// Whether they are integers rather than floats.
    pub fn is_integer(&self) -> bool {
        match self {
            FeatureData::U8(_) | FeatureData::F32(_) => false,
            FeatureData::Tokens { .. } => true,
            FeatureData::Lazy(examples) => examples.is_integer(),
        }
    }

    /// The number of examples of `example_len` numbers, each followed by `ahead` more; None if there are numbers left
    /// over where there should be none.
    pub(super) fn examples(&self, example_len: usize, ahead: usize) -> Option<usize> {
        let whole = |len: usize| len.is_multiple_of(example_len).then(|| len / example_len);
        match self {
            FeatureData::U8(data) => whole(data.len()),
            FeatureData::F32(data) => whole(data.len()),
            FeatureData::Tokens { tokens, stride } => {
                let room = tokens.len().checked_sub(example_len.saturating_add(ahead));
                Some(room.map_or(0, |room| room.checked_div(*stride).map_or(0, |n| n + 1)))
            }
            FeatureData::Lazy(examples) => Some(examples.len()),
        }
    }
}

/// The numbers of one input.
#[derive(Clone, Debug)]
pub struct Features {
    /// The shape of one example: `[height, width, channels]` for images, `[columns]` for a table.
    pub shape: Vec<usize>,
    /// The numbers, `examples x product(shape)` of them.
    pub data: FeatureData,
    /// The greatest value the source can produce (255 for an 8-bit image), which scaling to 0..1 divides by.
    pub max_value: f32,
}

impl Features {
    /// How many numbers one example has; 0 if the shape is impossible.
    pub fn example_len(&self) -> usize {
        self.shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size)).unwrap_or(0)
    }

    /// The integers of row `row` and, `ahead` of each, the next; of what is in memory as integers only.
    pub(crate) fn tokens(&self, row: usize, ahead: usize) -> Option<&[i32]> {
        let FeatureData::Tokens { tokens, stride } = &self.data else { return None };
        tokens.get(row * stride + ahead..)?.get(..self.example_len())
    }
}

/// One of the inputs of a dataset.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name of the model's input that takes it.
    pub name: String,
    /// The numbers.
    pub features: Features,
}
