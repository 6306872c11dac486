//! Memory for the inputs of a batch, under the names by which the model takes them.

use kamado_data::{Buffer, Dataset};
use kamado_engine::Feed;
use kamado_graph::shape::DType;
use kamado_nn::model::InputSpec;

use crate::error::TrainError;

/// The inputs of a batch.
pub(crate) struct Inputs {
    names: Vec<String>,
    lens: Vec<usize>,
    buffers: Vec<Buffer>,
}

impl Inputs {
    /// Memory for the batches of `buffers`, which are those of `data`.
    ///
    /// # Errors
    /// If the inputs of the data are not those of the model.
    pub(crate) fn new(spec: &[InputSpec], data: &Dataset, buffers: Vec<Buffer>) -> Result<Self, TrainError> {
        let named = takers(spec, data).map_err(|problem| {
            TrainError::request(problem, "Give the model an input for each of the data, of its name, type and shape")
        })?;
        let lens = data.inputs().iter().map(|input| input.features.example_len()).collect();
        let names = named.into_iter().map(|input| input.name.clone()).collect();
        Ok(Inputs { names, lens, buffers })
    }

    /// Where a loader writes.
    pub(crate) fn buffers(&mut self) -> &mut [Buffer] {
        &mut self.buffers
    }

    /// The first `examples` examples, for the engine.
    pub(crate) fn feeds(&self, examples: usize) -> impl Iterator<Item = (&str, Feed<'_>)> {
        let buffers = self.names.iter().zip(&self.buffers).zip(&self.lens);
        buffers.map(move |((name, buffer), len)| match buffer {
            Buffer::F32(data) => (name.as_str(), Feed::F32(&data[..examples * len])),
            Buffer::I32(data) => (name.as_str(), Feed::I32(&data[..examples * len])),
        })
    }
}

/// For each input of the data the one of the model that takes it: the only one, or that of its name. Otherwise, what does
/// not fit.
pub(crate) fn takers<'m>(spec: &'m [InputSpec], data: &Dataset) -> Result<Vec<&'m InputSpec>, String> {
    let inputs = data.inputs();
    if inputs.len() != spec.len() {
        let list = |names: Vec<String>| names.join(", ");
        let model = list(spec.iter().map(|input| format!("{:?}", input.name)).collect());
        let have = list(inputs.iter().map(|input| format!("{:?}", input.name)).collect());
        let (takes, gives) = (spec.len(), inputs.len());
        return Err(format!("the model takes {takes} inputs ({model}), but the data have {gives} ({have})"));
    }
    let taker = |input: &kamado_data::Input| {
        let taker = match spec {
            [only] => only,
            several => several.iter().find(|taker| taker.name == input.name).ok_or_else(|| {
                let names: Vec<_> = several.iter().map(|taker| taker.name.as_str()).collect();
                format!("the data have an input {:?}, but the model takes {}", input.name, names.join(", "))
            })?,
        };
        let (takes, gives) = (taker.dtype == DType::I32, input.features.data.is_integer());
        let name = |integers: bool| if integers { "tokens" } else { "floats" };
        if takes != gives {
            return Err(format!("the model takes {}, but the data are {}", name(takes), name(gives)));
        }
        let (model, data) = (&taker.shape[..], &input.features.shape[..]);
        if model != data {
            return Err(format!("the model takes examples of shape {model:?}, but those of the data are {data:?}"));
        }
        Ok(taker)
    };
    inputs.iter().map(taker).collect()
}
