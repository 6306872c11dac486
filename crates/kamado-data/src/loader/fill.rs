//! Writing the numbers and the labels of given examples.

use super::{LabelsMut, Loader};
use crate::augment::Scratch;
use crate::dataset::{FeatureData, FeaturesMut, Input, Labels};
use crate::error::{DataError, Result};
use crate::preprocess::raw_example;
use crate::streams;

impl Loader {
    /// Writes the given examples of a dataset with one input, preprocessed but never distorted, to the front of `x` and
    /// their labels to the front of `labels`.
    ///
    /// Errors if a buffer is too short, labels of this kind cannot be had, or an example does not exist or cannot be read.
    pub fn fill<'x>(&self, examples: &[usize], x: impl Into<FeaturesMut<'x>>, labels: LabelsMut<'_>) -> Result<()> {
        let dataset = &self.0.dataset;
        if let Some(bad) = examples.iter().find(|&&example| example >= dataset.len()) {
            return Err(DataError::request(
                format!("{} has no example {bad}", dataset.name()),
                format!("It has {}", dataset.len()),
            ));
        }
        let mut x = x.into();
        let mut fronts = self.fronts(examples.len(), std::slice::from_mut(&mut x))?;
        self.write_all(None, examples, &mut fronts, &mut Scratch::default())?;
        self.fill_labels(examples, labels)
    }

    /// The front of each buffer, for so many examples.
    pub(super) fn fronts<'x>(&self, examples: usize, x: &'x mut [FeaturesMut<'_>]) -> Result<Vec<FeaturesMut<'x>>> {
        let dataset = &self.0.dataset;
        let inputs = dataset.inputs();
        if inputs.len() != x.len() {
            let problem = format!("{} has {} inputs, but there are {} buffers", dataset.name(), inputs.len(), x.len());
            return Err(DataError::request(problem, "Give one buffer for each input"));
        }
        let cut = |(input, buffer): (&Input, &'x mut FeaturesMut<'_>)| {
            let needed = examples * input.features.example_len();
            match (input.features.data.is_integer(), buffer) {
                (false, FeaturesMut::F32(data)) => Ok(FeaturesMut::F32(front(data, needed, "features")?)),
                (true, FeaturesMut::I32(data)) => Ok(FeaturesMut::I32(front(data, needed, "features")?)),
                (true, FeaturesMut::F32(_)) => Err(self.unfit_features("tokens", "floats")),
                (false, FeaturesMut::I32(_)) => Err(self.unfit_features("floats", "tokens")),
            }
        };
        inputs.iter().zip(x).map(cut).collect()
    }

    fn unfit_features(&self, have: &str, wanted: &str) -> DataError {
        DataError::request(
            format!("the examples of {} are {have}, but {wanted} are wanted", self.0.dataset.name()),
            "Give the model an input of the type of the data",
        )
    }

    /// Writes examples as `epoch` has them; `x` has exactly their size.
    pub(super) fn fill_for_epoch(
        &self,
        epoch: u64,
        examples: &[usize],
        x: &mut [FeaturesMut<'_>],
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.write_all(Some(epoch), examples, x, scratch)
    }

    fn write_all(
        &self,
        epoch: Option<u64>,
        examples: &[usize],
        x: &mut [FeaturesMut<'_>],
        scratch: &mut Scratch,
    ) -> Result<()> {
        for (index, (input, out)) in self.0.dataset.inputs().iter().zip(x).enumerate() {
            let rows = examples.iter().map(|&example| self.0.dataset.row(example));
            for (row, out) in rows.zip(out.pieces(input.features.example_len().max(1))) {
                self.write(index, epoch, row, out, scratch)?;
            }
        }
        Ok(())
    }

    /// Writes one input of one example, distorted for `epoch` if that is given and distortion is wanted.
    fn write(
        &self,
        index: usize,
        epoch: Option<u64>,
        row: usize,
        out: FeaturesMut<'_>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let (inner, input) = (&*self.0, &self.0.dataset.inputs()[index]);
        match (&input.features.data, out) {
            (FeatureData::Lazy(examples), out) => {
                let epoch = epoch.filter(|_| inner.config.training);
                let mut rng = epoch.map(|epoch| streams::input(inner.config.seed, epoch, row, index));
                examples.read(row, rng.as_mut(), out)?;
            }
            (FeatureData::Tokens { .. }, FeaturesMut::I32(out)) => {
                out.copy_from_slice(input.features.tokens(row, 0).unwrap_or_default());
            }
            (FeatureData::U8(_) | FeatureData::F32(_), FeaturesMut::F32(out)) => {
                let raw = raw_example(&input.features, row);
                match (&inner.augmenter, epoch) {
                    (Some(augmenter), Some(epoch)) if index == 0 => {
                        let mut rng = streams::augment(inner.config.seed, epoch, row);
                        augmenter.distort(raw, &mut rng, scratch, out);
                        inner.affine.apply(out);
                    }
                    // The preprocessing is that of the only input; further inputs come prepared.
                    _ if index == 0 => inner.affine.map(raw, out),
                    _ => raw.copy_to(out),
                }
            }
            // Buffers were made, or checked, by the type of their input.
            _ => {}
        }
        Ok(())
    }

    pub(super) fn fill_labels(&self, examples: &[usize], target: LabelsMut<'_>) -> Result<()> {
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
