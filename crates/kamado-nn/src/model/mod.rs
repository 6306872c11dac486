//! A model: what it consists of, its weights, and the graphs that come from it.

mod decoding;
mod forward;
mod functional;
mod graphs;
mod names;
mod objective;
mod private;
mod sequential;
mod spec;
mod summary;

pub use decoding::DecodingGraph;
pub use functional::{FunctionalBuilder, Tensor};
pub use graphs::{ModelGraph, Target, TrainingSpec};
pub use objective::{Objective, SampleWeight};
pub use private::PrivateGraphs;
pub use sequential::Sequential;
pub use spec::{InputSpec, LayerSpec, ModelSpec};

use kamado_graph::graph::{Role, VariableInfo};
use serde::{Deserialize, Serialize};

use crate::error::NnError;
use crate::layers::Mode;
pub(crate) use forward::build_nested;
use forward::{Forward, forward};

/// The seed of a run: the same seed and model give the same weights, on every machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Seed(pub u64);

/// A named array of floats, row-major.
#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    /// Name, extents and purpose.
    pub info: VariableInfo,
    /// The elements.
    pub value: Vec<f32>,
}

/// A model: its description and its weights.
#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    /// The description, from which everything but the weights follows.
    pub spec: ModelSpec,
    /// The weights, trained or not, in the order of the layers; the graphs of the model have them first, in this order.
    pub variables: Vec<Variable>,
}

impl Model {
    /// A model with new weights.
    ///
    /// # Errors
    /// If the description is not possible, naming the layer, or the model too large.
    pub fn new(spec: ModelSpec, seed: Seed) -> Result<Self, NnError> {
        let Forward { graph, weights, .. } = forward(&spec, Mode::Inference)?;
        spec::check_size(graph.variables())?;
        let mut variables: Vec<_> = (graph.variables().iter().zip(&weights.initializers).enumerate())
            .map(|(i, (info, how))| Variable { info: info.clone(), value: how.fill(&info.shape, seed.0, i) })
            .collect();
        for (id, row) in weights.zero_rows {
            let Variable { info, value } = &mut variables[id.index()];
            let width: usize = info.shape[1..].iter().product();
            value[row * width..][..width].fill(0.0);
        }
        Ok(Model { spec, variables })
    }

    /// The variable of this name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|v| v.info.name == name)
    }

    /// The number of weights that training changes, and of those that it does not.
    pub fn count_params(&self) -> (usize, usize) {
        let count = |trainable| {
            let of = self.variables.iter().filter(|v| (v.info.role == Role::Trainable) == trainable);
            of.map(|v| v.value.len()).sum()
        };
        (count(true), count(false))
    }

    /// The layers as Keras's `model.summary()` shows them.
    ///
    /// # Errors
    /// If the description is not possible.
    pub fn summary(&self) -> Result<String, NnError> {
        self.spec.summary(None)
    }
}
