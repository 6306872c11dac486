//! Texts, pictures, sounds and tensors of a table, encoded when a loader asks for them.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::types::{Float32Type, UInt8Type};
use arrow_array::{Array, FixedSizeListArray, LargeStringArray, cast::AsArray};
use kamado_graph::rng::Rng;

use crate::audio::{SoundInput, SoundScratch};
use crate::augment::Augmenter;
use crate::dataset::{Examples, FeaturesMut};
use crate::error::{DataError, Result};
use crate::media::Media;
use crate::text::TextInput;
use crate::vision::{PictureInput, PictureScratch};

/// Memory that is lent to whoever reads an example, so that there is as much of it as there are threads.
#[derive(Debug)]
struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool(Mutex::new(Vec::new()))
    }
}

impl<T: Default> Pool<T> {
    fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let result = work(&mut lent);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(lent);
        result
    }
}

fn floats(out: FeaturesMut<'_>) -> Result<&mut [f32]> {
    match out {
        FeaturesMut::F32(out) => Ok(out),
        FeaturesMut::I32(_) => Err(DataError::request("these examples are floats", "Give a buffer of floats")),
    }
}

/// Where the media of a column are.
#[derive(Clone, Debug)]
pub(super) struct Locations {
    column: LargeStringArray,
    media: Arc<Media>,
}

impl Locations {
    pub(super) fn new(column: &LargeStringArray, media: &Arc<Media>) -> Self {
        Locations { column: column.clone(), media: Arc::clone(media) }
    }

    /// The location of row `row`, whose bytes go to `bytes`.
    pub(super) fn read(&self, row: usize, bytes: &mut Vec<u8>) -> Result<&str> {
        if self.column.is_null(row) {
            return Err(DataError::request(format!("row {} has no file", row + 1), "Give one, or leave out the row"));
        }
        let location = self.column.value(row);
        self.media.read_into(location, bytes)?;
        Ok(location)
    }

    /// The name of the file and the folder it lies in: what stays the same if all files are moved together.
    fn identity(&self, row: usize) -> Vec<u8> {
        let location = if self.column.is_null(row) { "" } else { self.column.value(row) };
        let start = location.rmatch_indices('/').nth(1).map_or(0, |(slash, _)| slash + 1);
        location.as_bytes()[start..].to_vec()
    }
}

/// A column of texts.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) column: LargeStringArray,
    pub(super) input: TextInput,
}

impl Texts {
    fn text(&self, row: usize) -> &str {
        if self.column.is_null(row) { "" } else { self.column.value(row) }
    }
}

impl Examples for Texts {
    fn len(&self) -> usize {
        self.column.len()
    }

    fn is_integer(&self) -> bool {
        true
    }

    fn read(&self, row: usize, rng: Option<&mut Rng>, out: FeaturesMut<'_>) -> Result<()> {
        let FeaturesMut::I32(out) = out else {
            return Err(DataError::request("texts are tokens", "Give a buffer of integers"));
        };
        self.input.encode(self.text(row), rng, out).map(|_| ())
    }

    fn identity(&self, row: usize) -> Vec<u8> {
        self.text(row).into()
    }
}

/// A column of pictures.
#[derive(Debug)]
pub(super) struct Pictures {
    pub(super) locations: Locations,
    pub(super) input: PictureInput,
    pub(super) augmenter: Option<Augmenter>,
    memory: Pool<(Vec<u8>, PictureScratch)>,
}

impl Pictures {
    pub(super) fn new(locations: Locations, input: PictureInput, augmenter: Option<Augmenter>) -> Self {
        Pictures { locations, input, augmenter, memory: Pool::default() }
    }
}

impl Examples for Pictures {
    fn len(&self) -> usize {
        self.locations.column.len()
    }

    fn read(&self, row: usize, rng: Option<&mut Rng>, out: FeaturesMut<'_>) -> Result<()> {
        let out = floats(out)?;
        self.memory.lend(|(bytes, scratch)| {
            let name = self.locations.read(row, bytes)?;
            self.input.encode(bytes, name, self.augmenter.as_ref().zip(rng), out, scratch)
        })
    }

    fn identity(&self, row: usize) -> Vec<u8> {
        self.locations.identity(row)
    }
}

/// A column of sounds.
#[derive(Debug)]
pub(super) struct Sounds {
    locations: Locations,
    input: SoundInput,
    memory: Pool<(Vec<u8>, SoundScratch)>,
}

impl Sounds {
    pub(super) fn new(locations: Locations, input: SoundInput) -> Self {
        Sounds { locations, input, memory: Pool::default() }
    }
}

impl Examples for Sounds {
    fn len(&self) -> usize {
        self.locations.column.len()
    }

    fn read(&self, row: usize, rng: Option<&mut Rng>, out: FeaturesMut<'_>) -> Result<()> {
        let out = floats(out)?;
        self.memory.lend(|(bytes, scratch)| {
            let name = self.locations.read(row, bytes)?;
            self.input.encode(bytes, name, rng, out, scratch)
        })
    }

    fn identity(&self, row: usize) -> Vec<u8> {
        self.locations.identity(row)
    }
}

/// A column of tensors: bytes as 0 to 1, floats as they are.
#[derive(Debug)]
pub(super) struct Tensors(pub(super) FixedSizeListArray);

impl Examples for Tensors {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn read(&self, row: usize, _: Option<&mut Rng>, out: FeaturesMut<'_>) -> Result<()> {
        let out = floats(out)?;
        let values = self.0.value(row);
        if let Some(bytes) = values.as_primitive_opt::<UInt8Type>() {
            out.iter_mut().zip(bytes.values()).for_each(|(out, &x)| *out = f32::from(x) / 255.0);
        } else if let Some(numbers) = values.as_primitive_opt::<Float32Type>() {
            out.iter_mut().zip(numbers.values()).for_each(|(out, &x)| *out = x);
        }
        Ok(())
    }

    fn identity(&self, row: usize) -> Vec<u8> {
        let values = self.0.value(row);
        let bytes = values.as_primitive_opt::<UInt8Type>().map(|bytes| bytes.values().to_vec());
        let numbers = values.as_primitive_opt::<Float32Type>();
        let numbers = || numbers.iter().flat_map(|x| x.values().iter().flat_map(|x| x.to_le_bytes())).collect();
        bytes.unwrap_or_else(numbers)
    }
}
